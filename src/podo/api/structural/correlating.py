"""Which part of an object's former state a part of its present state goes on from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from podo.api.structural.walking import LIST_KEYS, LIST_TYPE, Schema, items, properties

#: There is no former value, or none that can be told to be the same one's.
ABSENT: Final = object()
#: Gives the former state of an item, or ABSENT.
Former = Callable[[Any], Any]


def items_of(schema: Schema) -> Callable[[list[Any]], Former | None]:
    """How items are found in a former list: by the keys of a list of type map, and in no other list."""
    keys = key_defaults(schema)
    if schema.get(LIST_TYPE) != "map" or not keys:
        return lambda old: None

    def correlate(old: list[Any]) -> Former:
        by_key = {key: item for item in old if (key := key_of(item, keys)) is not None}
        return lambda item: by_key.get(key_of(item, keys) or b"", ABSENT)

    return correlate


def key_defaults(schema: Schema) -> dict[str, Any]:
    """The keys of a list of type map, each with its default."""
    inner = properties(items(schema) or {})
    return {name: inner.get(name, {}).get("default") for name in schema.get(LIST_KEYS) or ()}


def key_of(item: Any, keys: dict[str, Any]) -> bytes | None:
    """What an item is known by; None for one that is no object."""
    if item.__class__ is not dict:
        return None
    return orjson.dumps([item.get(name, default) for name, default in keys.items()])
