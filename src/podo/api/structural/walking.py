"""How the parts of a structural schema are read, and the paths of values within an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: A JSONSchemaProps in wire form.
Schema = Mapping[str, Any]
#: Where a value is: the path of what holds it, and its key or index there; None is the object itself.
Path = Any

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"
VALIDATIONS = "x-kubernetes-validations"

#: What every resource has, whatever its schema says of it.
RESOURCE_FIELDS = ("apiVersion", "kind", "metadata")


def path_text(path: Path) -> str:
    """``spec.jobs[0].name``; "" for the object itself."""
    parts: list[str] = []
    while path is not None:
        path, key = path
        parts.append(f"[{key}]" if key.__class__ is int else f".{key}")
    return "".join(reversed(parts)).removeprefix(".")


def properties(schema: Schema) -> Mapping[str, Schema]:
    return schema.get("properties") or {}


def additional(schema: Schema) -> Schema | None:
    """The schema of a map's values; {} where anything may be in it, None where it is no map."""
    found = schema.get("additionalProperties")
    if found is True:
        return {}
    return found if isinstance(found, Mapping) else None


def items(schema: Schema) -> Schema | None:
    found = schema.get("items")
    return found if isinstance(found, Mapping) else None


def preserves(schema: Schema) -> bool:
    return bool(schema.get(PRESERVE))


def is_embedded(schema: Schema) -> bool:
    return bool(schema.get(EMBEDDED))
