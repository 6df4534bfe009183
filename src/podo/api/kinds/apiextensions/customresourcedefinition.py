"""CustomResourceDefinition (apiextensions.k8s.io/v1): a kind that users add to the API.

Its rules are in ``definition_rules`` and ``schema_rules``; ``podo.apiserver.extension`` makes kinds of definitions, and
the controller ``customresourcedefinition`` settles their names and ends them.
"""

from __future__ import annotations

from podo.api.columns import CREATED_AT, NAME
from podo.api.kind import Kind, Obj
from podo.api.rules import Found

#: Kept on a definition that is being deleted until none of its objects are left.
CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def _fill_in(definition: Obj) -> None:
    spec = definition.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if kind := names.get("kind"):
        if not names.get("singular"):
            names["singular"] = kind.lower()
        if not names.get("listKind"):
            names["listKind"] = f"{kind}List"
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service and service.get("port") is None:
        service["port"] = 443
    if spec.get("preserveUnknownFields") is False:
        del spec["preserveUnknownFields"]  # as upstream's encoding leaves it out


def _prepare(new: Obj, old: Obj | None) -> None:
    """The versions that objects may be stored in: those of before, and the one of from now on."""
    if old is None:
        new["status"] = {"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []}
    stored = storage_version(new)
    status = new["status"] = dict(new.get("status") or {})
    before = status.get("storedVersions") or []
    if stored and stored not in before:
        status["storedVersions"] = [*before, stored]


def _problems(new: Obj, old: Obj | None) -> Found:
    from podo.api.kinds.apiextensions import definition_rules  # with all of the structural schemas: not at every start

    return definition_rules.problems(new, old)


def _status_problems(new: Obj, old: Obj | None) -> Found:
    from podo.api.kinds.apiextensions import definition_rules

    return definition_rules.status_problems(new, old)


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    from podo.api.kinds.apiextensions import schema_rules

    known = set(schema_rules.unrecognized_formats(old)) if old is not None else ()
    return [f'unrecognized format "{one}"' for one in schema_rules.unrecognized_formats(new) if one not in known]


def storage_version(definition: Obj) -> str:
    """The version in which objects are stored; "" where none is marked."""
    return next((v.get("name") or "" for v in definition["spec"].get("versions") or () if v.get("storage")), "")


CUSTOMRESOURCEDEFINITION = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=frozenset({"status"}),
    generation=True,
    conditional=True,
    long_rules=True,
    fill_in=_fill_in,
    prepare=_prepare,
    problems=_problems,
    warnings=_warnings,
    status_problems=_status_problems,
    columns=(NAME, CREATED_AT),
)
