"""OpenAPI documents of the API, v3 by group version and v2 as one, made from the table of types and the served kinds, a
type and a kind at a time (``runtime.slices``).

kubectl reads them for ``explain``, for how lists merge in ``apply``, and to see that the server takes field validation
and dry run. Source: OpenAPI 3.0 and 2.0; the API documentation of ``x-kubernetes-*`` extensions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from podo.api.kind import Kind
from podo.api.schema import descriptions, table
from podo.api.schema.openapi_paths import META, SCALE, paths
from podo.runtime.slices import rest

Document = dict[str, Any]
#: Path items by path, and schemas by name.
Part = tuple[Document, Document]

_KIND = "x-kubernetes-group-version-kind"
V3_REF = "#/components/schemas/"
V2_REF = "#/definitions/"

_SCALARS: dict[str, Document] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "double": {"type": "number", "format": "double"},
    "byte": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "micro-time": {"type": "string", "format": "date-time"},
    "object": {"type": "object"},
    "any": {},
}
_SPECIAL: dict[int, dict[str, Document]] = {
    3: {
        "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        "int-or-string": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    },
    2: {"quantity": {"type": "string"}, "int-or-string": {"type": "string", "format": "int-or-string"}},
}
_EXTENSIONS = {
    "strategy": "x-kubernetes-patch-strategy",
    "mergeKey": "x-kubernetes-patch-merge-key",
    "listType": "x-kubernetes-list-type",
    "mapKeys": "x-kubernetes-list-map-keys",
    "mapType": "x-kubernetes-map-type",
    "enum": "enum",
    "default": "default",
}


def group_version_path(group: str, version: str) -> str:
    """``api/v1`` or ``apis/apps/v1``."""
    return f"apis/{group}/{version}" if group else f"api/{version}"


def digest(document: bytes) -> str:
    """The hash by which clients cache a document."""
    return hashlib.sha512(document).hexdigest().upper()


def v3_index(hashes: Mapping[tuple[str, str], str]) -> Document:
    """``/openapi/v3``: where each group version's document is. ``hashes``: (group, version) to its digest."""
    places = {group_version_path(*one): f"/openapi/v3/{group_version_path(*one)}?hash={h}" for one, h in hashes.items()}
    return {"paths": {path: {"serverRelativeURL": url} for path, url in places.items()}}


def v3_document(kinds: Sequence[Kind], release: str) -> Document:
    """``/openapi/v3/apis/GROUP/VERSION`` for the kinds served in one group version. ``release``: as in ``/version``."""
    served = paths(kinds, V3_REF, version=3)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": release},
        "paths": served,
        "components": {"schemas": schemas(kinds, 3)},
    }


def v2_document(kinds: Sequence[Kind], release: str) -> Document:
    """``/openapi/v2`` for all served kinds."""
    return v2_whole([(paths(kinds, V2_REF, version=2), schemas(kinds, 2))], release)


def v2_part(kinds: Sequence[Kind], encode: Callable[[str, Document], Any]) -> Part:
    """What some kinds bring to ``/openapi/v2``. ``encode``: what a ``PathItem`` or ``Schema`` is kept as."""
    return (
        {path: _rested(encode("PathItem", item)) for path, item in paths(kinds, V2_REF, version=2).items()},
        {name: _rested(encode("Schema", schema)) for name, schema in schemas(kinds, 2).items()},
    )


def v2_whole(parts: Iterable[Part], release: str) -> Document:
    """``/openapi/v2``, of which ``parts`` are kept."""
    served: Document = {}
    definitions: Document = {}
    for paths_, schemas_ in parts:
        served |= paths_
        definitions |= schemas_
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": release},
        "paths": served,
        "definitions": dict(sorted(definitions.items())),
    }


def _rested(made: Any) -> Any:
    rest()
    return made


def schemas(kinds: Sequence[Kind], version: int) -> Document:
    """The schemas of the kinds, their lists, and of all they refer to, by OpenAPI name."""
    rows = table.rows()
    pending = [f"{META}.{name}" for name in ("DeleteOptions", "Status", "WatchEvent", "Patch")]
    custom = [kind for kind in kinds if kind.custom is not None]
    if custom:
        pending += [f"{META}.ObjectMeta", f"{META}.ListMeta"]
    for kind in kinds:
        names = (table.name_of(kind.group, kind.version, name) for name in (kind.kind, kind.list_kind))
        pending.extend(name for name in names if name)
        if "scale" in kind.subresources:
            pending.append(SCALE)
    made: Document = {}
    while pending:
        name = pending.pop()
        if name not in made:
            made[name] = _schema(name, rows[name], version)
            rest()
            pending.extend(_referred(rows[name]))
    for kind in custom:
        made |= _custom(kind, version)
    return dict(sorted(made.items()))


def _custom(kind: Kind, version: int) -> Document:
    """The schemas of a custom kind and of its lists."""
    assert kind.custom is not None
    name, root, of = (
        kind.custom.name,
        V3_REF if version == 3 else V2_REF,
        {"group": kind.group, "version": kind.version},
    )
    meta: Document = {"$ref": f"{root}{META}.ListMeta"}
    item: Document = {"$ref": root + name}
    fields: Document = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"allOf": [meta]} if version == 3 else meta,
        "items": {"type": "array", "items": {"allOf": [item]} if version == 3 else item},
    }
    listed = {"type": "object", "required": ["items"], "properties": fields, _KIND: [of | {"kind": kind.list_kind}]}
    listed = {"description": f"{kind.list_kind} is a list of {kind.kind}"} | listed
    whole = kind.custom.published(version) | {_KIND: [of | {"kind": kind.kind}]}
    if kind.fields:
        whole["x-kubernetes-selectable-fields"] = [{"fieldPath": field} for field in kind.fields]
    return {name: whole, f"{name}List": listed}


def _referred(row: Mapping[str, Any]) -> Iterable[str]:
    for fact in row.get("fields", {}).values():
        shape = fact if isinstance(fact, str) else fact[0]
        _, mark, name = shape.partition("#")
        if mark:
            yield name


def _schema(name: str, row: Mapping[str, Any], version: int) -> Document:
    about, of_fields = descriptions.of_type(name)
    made: Document = {"description": about} if about else {}
    if "is" in row:
        return made | _scalar(row["is"], version)
    made["type"] = "object"
    if row["fields"]:
        made["properties"] = {
            key: _property(fact, of_fields.get(key, ""), version) for key, fact in row["fields"].items()
        }
    if "required" in row:
        made["required"] = row["required"]
    if "mapType" in row:
        made["x-kubernetes-map-type"] = row["mapType"]
    if "kinds" in row:
        made["x-kubernetes-group-version-kind"] = [
            {"group": group, "kind": kind, "version": version_} for group, version_, kind in row["kinds"]
        ]
    if "unions" in row:
        made["x-kubernetes-unions"] = row["unions"]
    return made


def _property(fact: Any, about: str, version: int) -> Document:
    shape, more = (fact, {}) if isinstance(fact, str) else fact
    made: Document = {"description": about} if about else {}
    made |= _shape(shape, version)
    return made | {_EXTENSIONS[key]: value for key, value in more.items()}


def _shape(shape: str, version: int) -> Document:
    if shape.startswith("[]"):
        return {"type": "array", "items": _shape(shape[2:], version)}
    if shape.startswith("{}"):
        return {"type": "object", "additionalProperties": _shape(shape[2:], version)}
    if not shape.startswith("#"):
        return _scalar(shape, version)
    if version == 2:
        return {"$ref": V2_REF + shape[1:]}
    return {"allOf": [{"$ref": V3_REF + shape[1:]}]}  # OpenAPI 3.0 allows nothing beside a bare $ref


def _scalar(name: str, version: int) -> Document:
    return dict(_SPECIAL[version].get(name) or _SCALARS[name])
