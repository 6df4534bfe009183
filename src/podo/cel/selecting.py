"""Reaching into maps, lists and optionals: by key, by position, and so that absence is a value."""

from __future__ import annotations

from typing import Any

from podo.cel.values import NONE, CelError, Optional, Uint, no_such_overload, type_name


def select_optional(value: Any, field: str) -> Optional:
    """The field as an optional: none if there is no such field, or nothing to select from."""
    if type(value) is Optional:
        if not value.present:
            return NONE
        value = value.value
    if not isinstance(value, dict):
        raise no_such_overload()
    return Optional(True, value[field]) if field in value else NONE


def has_key(found: dict[Any, Any], key: Any) -> bool:
    if not isinstance(key, str | int | float):
        return False
    if type(key) is not str and found:
        return any(known == key and (type(known) is bool) is (type(key) is bool) for known in found)
    return key in found


def indexed(value: Any, at: Any) -> Any:
    """``value[at]``. Raises CelError."""
    if isinstance(value, dict):
        if not has_key(value, at) and not (isinstance(at, str) and hasattr(value, "__missing__")):
            raise CelError(f"no such key: {at}")
        return value[at]
    if not isinstance(value, list):
        raise no_such_overload()
    place = int(at) if type(at) in (int, Uint) or (type(at) is float and at.is_integer()) else None
    if place is None:
        raise CelError(f"unsupported index type '{type_name(at)}' in list")
    if 0 <= place < len(value):
        return value[place]
    raise CelError(f"index out of bounds: {place}")


def index_optional(value: Any, at: Any) -> Optional:
    """``value[?at]``: none where there is no such element."""
    if type(value) is Optional:
        if not value.present:
            return NONE
        value = value.value
    try:
        return Optional(True, indexed(value, at))
    except CelError as error:
        if str(error).startswith(("no such key", "index out")):
            return NONE
        raise
