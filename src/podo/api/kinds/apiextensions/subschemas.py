"""The schemas within the schema of a custom kind, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj

JUNCTORS = ("allOf", "anyOf", "oneOf")


def each_schema(schema: Any, path: str) -> Iterator[tuple[Obj, str]]:
    """Every schema within, outer ones first; bounded by the depth and size of a request's body."""
    waiting: list[tuple[Any, str]] = [(schema, path)]
    while waiting:
        one, where = waiting.pop()
        if not isinstance(one, dict):
            continue
        yield one, where
        waiting.extend(_inner(one, where))


def _inner(one: Obj, where: str) -> Iterator[tuple[Any, str]]:
    for name in ("items", "additionalProperties", "not"):
        yield one.get(name), f"{where}.{name}"
    for name in JUNCTORS:
        for index, inner in enumerate(one.get(name) or ()):
            yield inner, f"{where}.{name}[{index}]"
    for name, inner in (one.get("properties") or {}).items():
        yield inner, f"{where}.properties[{name}]"
