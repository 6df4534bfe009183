"""Defaulting: fills in what the schema has a default for, and takes nulls out where null is no value.

Source: "Defaulting" and "Defaulting and Nullable" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from podo.api.structural.walking import Schema, additional, items, properties

#: Completes a value in place.
Fill = Callable[[Any], None]


def defaulter(schema: Schema) -> Fill | None:
    """What completes values of a schema: defaults where nothing is, and no nulls where there may be none."""
    if (inner := items(schema)) is not None:
        return _of_list(inner)
    values = additional(schema)
    if values is not None:
        return _of_map(values)
    if properties(schema):
        return _of_object(schema)
    return None


def _of_list(of: Schema) -> Fill | None:
    inner, default = defaulter(of), None if of.get("nullable") else _default(of)
    if inner is None and default is None:
        return None

    def fill(value: Any) -> None:
        if value.__class__ is not list:
            return
        for index, item in enumerate(value):
            if item is None and default is not None:
                item = value[index] = orjson.loads(default)
            if inner is not None:
                inner(item)

    return fill


def _of_map(values: Schema) -> Fill:
    inner, default = defaulter(values), _default(values)
    nullable = bool(values.get("nullable"))

    def fill(value: Any) -> None:
        if value.__class__ is not dict:
            return
        empty = [key for key, item in value.items() if item is None] if not nullable else ()
        for key in empty:
            if default is None:
                del value[key]
            else:
                value[key] = orjson.loads(default)
        if inner is not None:
            for item in value.values():
                inner(item)

    return fill


def _default(schema: Schema) -> bytes | None:
    """The default, encoded: a fresh copy is a decode."""
    found = schema.get("default")
    return None if found is None else orjson.dumps(found)


def _of_object(schema: Schema) -> Fill:
    known = properties(schema)
    defaults = {name: made for name, inner in known.items() if (made := _default(inner)) is not None}
    nullable = frozenset(name for name, inner in known.items() if inner.get("nullable"))
    deeper = {name: fills for name, inner in known.items() if (fills := defaulter(inner)) is not None}

    def fill(value: Any) -> None:
        if value.__class__ is not dict:
            return
        if None in value.values():
            for name in [name for name, item in value.items() if item is None]:
                if name in known and name not in nullable:
                    del value[name]
        for name, default in defaults.items():
            if name not in value:
                value[name] = orjson.loads(default)
        for name, inner in deeper.items():
            if name in value:
                inner(value[name])

    return fill
