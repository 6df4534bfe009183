"""What a schema says of a value, as CEL sees it: the types of fields, and how long lists, maps and texts can be.

Source: "Type system integration" of the documentation "Common Expression Language in Kubernetes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: Schemas nest no deeper than this; what lies deeper is dyn.
_MAX_DEPTH = 64


@dataclass(frozen=True, eq=False)
class Declared:
    """``form``: ``object``, ``list``, ``map`` or a CEL type (``int``, ``double``, ``bool``, ``string``, ``bytes``,
    ``timestamp``, ``duration``, ``dyn``). ``item``: of a list or map. ``list_type`` with its ``keys``: set or map.
    ``most``: the longest that the text, list or map can be, None where the schema does not say."""

    form: str
    fields: Mapping[str, Declared] = field(default_factory=dict)
    item: Declared | None = None
    list_type: str = ""
    keys: tuple[str, ...] = ()
    nullable: bool = False
    required: tuple[str, ...] = ()
    most: int | None = None


DYN = Declared("dyn")
STRING = Declared("string")
_NAMED = {"name": STRING, "generateName": STRING}
_FORMATS = {"byte": "bytes", "date": "timestamp", "date-time": "timestamp", "datetime": "timestamp"}
_FORMATS["duration"] = "duration"
#: The longest text of a format, in characters.
_LONGEST = {"date": 10, "date-time": 29, "datetime": 29, "duration": 32}


def from_openapi(schema: Mapping[str, Any], *, root: bool = False, depth: int = 0) -> Declared | None:
    """The declaration of a structural schema; None for what expressions cannot reach (a value without a type).
    ``root``: of a whole resource, which has apiVersion, kind and metadata whatever the schema says."""
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    if depth > _MAX_DEPTH:
        return DYN
    found = _BY_TYPE.get(str(schema.get("type") or ""), _nothing)(schema, depth + 1)
    if found is None:
        return None
    if (root or schema.get("x-kubernetes-embedded-resource")) and found.form == "object":
        found = _with_identity(found)
    return replace(found, nullable=True) if schema.get("nullable") else found


def _with_identity(found: Declared) -> Declared:
    given = found.fields.get("metadata")
    metadata = Declared("object", {**(given.fields if given and given.form == "object" else {}), **_NAMED})
    return replace(found, fields={**found.fields, "apiVersion": STRING, "kind": STRING, "metadata": metadata})


def _nothing(schema: Mapping[str, Any], depth: int) -> Declared | None:
    return None


def _object(schema: Mapping[str, Any], depth: int) -> Declared | None:
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        item = from_openapi(values, depth=depth)
        return Declared("map", item=item, most=schema.get("maxProperties")) if item else None
    fields = {}
    for name, inner in (schema.get("properties") or {}).items():
        found = from_openapi(inner, depth=depth)
        if found is not None:
            fields[name] = found
    return Declared("object", fields, required=tuple(schema.get("required") or ()))


def _array(schema: Mapping[str, Any], depth: int) -> Declared | None:
    item = from_openapi(schema.get("items") or {}, depth=depth)
    if item is None:
        return None
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    list_type = str(schema.get("x-kubernetes-list-type") or "")
    return Declared("list", item=item, list_type=list_type, keys=keys, most=schema.get("maxItems"))


def _string(schema: Mapping[str, Any], depth: int) -> Declared | None:
    form = str(schema.get("format") or "")
    longest = schema.get("maxLength")
    if longest is None and schema.get("enum"):
        longest = max((len(one) for one in schema["enum"] if isinstance(one, str)), default=None)
    return Declared(_FORMATS.get(form, "string"), most=_LONGEST.get(form, longest))


_BY_TYPE = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": lambda schema, depth: Declared("int"),
    "number": lambda schema, depth: Declared("double"),
    "boolean": lambda schema, depth: Declared("bool"),
}
