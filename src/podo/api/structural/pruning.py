"""Pruning: takes the fields out of an object that its schema does not know.

Source: "Field pruning" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podo.api.structural.walking import (
    RESOURCE_FIELDS,
    Path,
    Schema,
    additional,
    is_embedded,
    items,
    path_text,
    preserves,
    properties,
)

#: Not more unknown fields than this are told of one object.
MAX_MESSAGES = 100
#: Takes what is unknown out of a value, in place; a message for each goes to the list.
Prune = Callable[[Any, Path, list[str]], None]


def pruner(schema: Schema, *, is_resource: bool = False) -> Prune | None:
    """The pruning of values of a schema; None where there is nothing to take out."""
    if schema.get("type") == "array" or items(schema) is not None:
        return _of_list(schema)
    values = additional(schema)
    if values is not None:
        return _of_map(values)
    if schema.get("type") == "object" or properties(schema) or is_resource:
        return _of_object(schema, is_resource or is_embedded(schema))
    return None


def _of_list(schema: Schema) -> Prune | None:
    inner = pruner(items(schema) or {})
    if inner is None:
        return None

    def prune(value: Any, path: Path, unknown: list[str]) -> None:
        if value.__class__ is list:
            for index, item in enumerate(value):
                inner(item, (path, index), unknown)

    return prune


def _of_map(values: Schema) -> Prune | None:
    inner = pruner(values)
    if inner is None:
        return None

    def prune(value: Any, path: Path, unknown: list[str]) -> None:
        if value.__class__ is dict:
            for key, item in value.items():
                inner(item, (path, key), unknown)

    return prune


def _of_object(schema: Schema, is_resource: bool) -> Prune | None:
    known = {name: pruner(inner) for name, inner in properties(schema).items()}
    if is_resource:
        known |= dict.fromkeys(RESOURCE_FIELDS)  # their own rules: see ``embedded``
    keeps = preserves(schema)
    if keeps and not any(known.values()):
        return None

    def prune(value: Any, path: Path, unknown: list[str]) -> None:
        if value.__class__ is not dict:
            return
        dropped = []
        for key, item in value.items():
            if key in known:
                inner = known[key]
                if inner is not None:
                    inner(item, (path, key), unknown)
            elif not keeps:
                dropped.append(key)
        for key in dropped:
            del value[key]
            if len(unknown) < MAX_MESSAGES:
                unknown.append(f'unknown field "{path_text((path, key))}"')

    return prune
