"""Content negotiation: the form of the answer that a request's Accept header asks for.

Source: "Alternate representations of resources" and "Receiving resources as Tables" of the Kubernetes API concepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from podo.api.encoding import ACCEPTED, JSON, PROTOBUF, YAML
from podo.api.errors import ApiError

_JSON_LIKE = frozenset({JSON, "application/*", "*/*", "text/json"})
_YAML_LIKE = frozenset({YAML, "text/yaml", "application/x-yaml"})
_META_GROUP = "meta.k8s.io"
_TRANSFORMED = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_VERSIONS = {
    "Table": ("v1",),
    "PartialObjectMetadata": ("v1",),
    "PartialObjectMetadataList": ("v1",),
    "APIGroupDiscoveryList": ("v2", "v2beta1"),
}


@dataclass(frozen=True, slots=True)
class Form:
    """``as_kind``: "", "Table", "PartialObjectMetadata", "PartialObjectMetadataList" or "APIGroupDiscoveryList", in
    ``version`` of its group."""

    media: str = JSON
    as_kind: str = ""
    version: str = ""


PLAIN = Form()


@lru_cache(maxsize=64)
def form_of(accept: str, protobuf: bool = False) -> Form:
    """The form that podo serves and the client likes best: by its weights, and the first of those alike. ``protobuf``:
    may it be that? Raises NotAcceptable.
    """
    if not accept:
        return PLAIN
    for clause in sorted(accept[:4096].split(","), key=_weight, reverse=True):
        found = _form(clause, protobuf)
        if found is not None:
            return found
    raise ApiError("NotAcceptable", f"only the following media types are accepted: {ACCEPTED}")


def _weight(clause: str) -> float:
    """The parameter ``q``, 1 where there is none."""
    for parameter in clause.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 1.0
    return 1.0


def _form(clause: str, protobuf: bool) -> Form | None:
    media, *rest = (part.strip() for part in clause.split(";"))
    parameters = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in rest)}
    if not _weight(clause):
        return None
    if media in _JSON_LIKE:
        served = JSON
    elif media in _YAML_LIKE:
        served = YAML
    elif media == PROTOBUF and protobuf:
        served = PROTOBUF
    else:
        return None
    wanted = parameters.get("as", "")
    if served == PROTOBUF and wanted == "Table":
        return None
    if not wanted:
        return Form(served)
    version = parameters.get("v", "")
    if version not in _VERSIONS.get(wanted, ()):
        return None
    return Form(served, wanted, version)


def resource_form(accept: str, protobuf: bool = False) -> Form:
    """The form of an answer about resources: only the transformations of objects."""
    form = form_of(accept, protobuf)
    return form if not form.as_kind or form.as_kind in _TRANSFORMED else Form(form.media)
