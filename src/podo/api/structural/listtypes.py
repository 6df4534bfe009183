"""Lists of type set and map hold no item twice, whatever else the schema says.

Source: "Merge strategy" of the Server-Side Apply documentation (x-kubernetes-list-type).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from podo.api.rules import Found, duplicate
from podo.api.structural.correlating import key_defaults
from podo.api.structural.walking import LIST_TYPE, Path, Schema, additional, items, path_text, properties

Check = Callable[[Any, Path, Found], None]


def checker(schema: Schema) -> Check | None:
    """What finds items that are twice in the sets and maps of a value; None where a schema has no such lists."""
    inner = items(schema)
    if inner is not None:
        return _of_list(schema, checker(inner))
    values = additional(schema)
    if values is not None:
        deeper = checker(values)
        return None if deeper is None else _of_members({}, deeper)
    known = {name: made for name, one in properties(schema).items() if (made := checker(one)) is not None}
    return _of_members(known, None) if known else None


def _of_members(known: dict[str, Check], values: Check | None) -> Check:
    def check(value: Any, path: Path, found: Found) -> None:
        if value.__class__ is not dict:
            return
        for key, item in value.items():
            inner = known.get(key, values)
            if inner is not None:
                inner(item, (path, key), found)

    return check


def _of_list(schema: Schema, inner: Check | None) -> Check | None:
    identity = _identity(schema)
    if identity is None and inner is None:
        return None

    def check(value: Any, path: Path, found: Found) -> None:
        if value.__class__ is not list:
            return
        if identity is not None and len(value) > 1:
            _find_twice(value, identity, path, found)
        if inner is not None:
            for index, item in enumerate(value):
                inner(item, (path, index), found)

    return check


def _identity(schema: Schema) -> Callable[[Any], Any] | None:
    kind = schema.get(LIST_TYPE)
    if kind == "set":
        return lambda item: item
    if kind == "map":
        keys = key_defaults(schema)

        def of_keys(item: Any) -> Any:
            if item.__class__ is not dict:
                return item
            named = {name: item.get(name, default) for name, default in keys.items()}
            return {name: value for name, value in named.items() if value is not None}

        return of_keys
    return None


def _find_twice(value: list[Any], identity: Callable[[Any], Any], path: Path, found: Found) -> None:
    seen: dict[bytes, int] = {}
    for index, item in enumerate(value):
        one = identity(item)
        key = orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 2:
            found.append(duplicate(path_text((path, index)), one))
