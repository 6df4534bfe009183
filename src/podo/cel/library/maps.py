"""What the macros that make maps (``transformMap``, ``transformMapEntry``) call to add an entry."""

from __future__ import annotations

from typing import Any

from podo.cel.library.function import Function, function
from podo.cel.values import CelError


def _insert(found: dict[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    """In place: the macro's accumulator is its own."""
    if key in found:
        raise CelError(f"insert failed: key {key} already exists")
    found[key] = value
    return found


def _insert_all(found: dict[Any, Any], more: dict[Any, Any]) -> dict[Any, Any]:
    for key, value in more.items():
        _insert(found, key, value)
    return found


FUNCTIONS: tuple[Function, ...] = (
    function("cel.@mapInsert", "map; dyn; dyn", "map", _insert),
    function("cel.@mapInsert", "map; map", "map", _insert_all),
)
