"""Equality and order of CEL values: numbers compare across their types, true is not 1, lists and maps by content."""

from __future__ import annotations

from typing import Any

from podo.cel.frame import Frame
from podo.cel.values import Duration, MapList, Optional, SetList, Timestamp, Uint, no_such_overload

_PLAIN = frozenset((str, bytes, bool, type(None), Timestamp, Duration))
_NUMBERS = frozenset((int, Uint, float))
_ORDERED = frozenset((str, bytes, bool, Timestamp, Duration))


def equals(frame: Frame, left: Any, right: Any) -> bool:
    """Each compared element of lists and maps is charged."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS:
        return other in _NUMBERS and bool(left == right)
    if kind in _PLAIN:
        return kind is other and bool(left == right)
    frame.spend(1)
    if isinstance(left, list):
        return isinstance(right, list) and _lists(frame, left, right)
    if isinstance(left, dict):
        return isinstance(right, dict) and _maps(frame, left, right)
    if kind is Optional:
        return other is Optional and _optionals(frame, left, right)
    return kind is other and bool(left == right)


def _lists(frame: Frame, left: list[Any], right: list[Any]) -> bool:
    if len(left) != len(right):
        return False
    if isinstance(left, SetList):
        return all(contains(frame, right, item) for item in left)
    if isinstance(left, MapList):
        return all(contains(frame, right, item) for item in left)
    return all(equals(frame, one, two) for one, two in zip(left, right, strict=True))


def _maps(frame: Frame, left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right):
        return False
    return all(key in right and equals(frame, value, right[key]) for key, value in left.items())


def _optionals(frame: Frame, left: Optional, right: Optional) -> bool:
    if left.present and right.present:
        return equals(frame, left.value, right.value)
    return left.present == right.present


def contains(frame: Frame, items: list[Any], wanted: Any) -> bool:
    """Is an element equal to ``wanted``? Each that is looked at is charged."""
    for item in items:
        frame.left -= 1
        if equals(frame, item, wanted):
            return True
    frame.spend(0)
    return False


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1; NaN is neither less nor greater nor equal and gives 2. Raises CelError for what has no order."""
    kind, other = type(left), type(right)
    if not (kind in _NUMBERS and other in _NUMBERS) and not (kind is other and kind in _ORDERED):
        raise no_such_overload()
    if left < right:
        return -1
    if left > right:
        return 1
    return 0 if left == right else 2
