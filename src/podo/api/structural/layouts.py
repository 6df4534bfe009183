"""From a structural schema to how its values divide into fields that can be owned (server-side apply)."""

from __future__ import annotations

from typing import Any

from podo.api.schema.layout import metadata_layout
from podo.api.schema.table import type_named
from podo.api.structural.correlating import key_defaults
from podo.api.structural.embedded import METADATA_TYPE
from podo.api.structural.walking import (
    INT_OR_STRING,
    LIST_TYPE,
    MAP_TYPE,
    Schema,
    additional,
    is_embedded,
    items,
    preserves,
    properties,
)
from podo.values.fields.layout import DEDUCED, UNKNOWN, UNTRACKED, Items, Keyed, Layout, Struct

_FREE = frozenset({"apiVersion", "kind", "metadata"})


def layout_of(schema: Schema) -> Struct:
    """The layout of whole custom resources."""
    metadata = metadata_layout(type_named(METADATA_TYPE))
    members = _members(schema)

    def find(name: str) -> Layout | None:
        if name == "metadata":
            return metadata
        return UNTRACKED if name in ("apiVersion", "kind") else members(name)

    return Struct(find)


def _members(schema: Schema) -> Any:
    known = properties(schema)
    made: dict[str, Layout | None] = {}
    others = DEDUCED if preserves(schema) else UNKNOWN
    free = _FREE if is_embedded(schema) else frozenset()

    def find(name: str) -> Layout | None:
        if name not in known:
            return DEDUCED if name in free else others
        if name not in made:
            made[name] = _of_value(known[name])
        return made[name]

    return find


def _of_value(schema: Schema) -> Layout | None:
    if schema.get(INT_OR_STRING):
        return None
    if schema.get("type") == "array" or items(schema) is not None:
        return _of_list(schema)
    if schema.get(MAP_TYPE) == "atomic":
        return None
    values = additional(schema)
    if values is not None:
        inner = _of_value(values)
        return Struct(lambda name: inner, is_map=True)
    if properties(schema) or is_embedded(schema):
        return Struct(_members(schema))
    if preserves(schema):
        return DEDUCED
    return Struct(lambda name: UNKNOWN) if schema.get("type") == "object" else None


def _of_list(schema: Schema) -> Layout | None:
    kind = schema.get(LIST_TYPE)
    if kind == "set":
        return Items()
    keys = key_defaults(schema)
    return Keyed(keys, _of_value(items(schema) or {})) if kind == "map" and keys else None
