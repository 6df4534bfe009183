"""``+ - * / %`` and negation, for every pair of types that has them; overflow is an error, as 64 bits overflow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from podo.cel.comparing import contains, equals
from podo.cel.frame import Frame
from podo.cel.values import (
    INT_MAX,
    INT_MIN,
    NANO,
    CelError,
    Duration,
    MapList,
    SetList,
    Timestamp,
    Uint,
    checked_int,
    checked_uint,
    no_such_overload,
)

_FIRST = -62135596800 * NANO  # 0001-01-01T00:00:00Z
_LAST = 253402300800 * NANO  # behind 9999-12-31T23:59:59.999999999Z
#: How many list elements are copied for one unit of cost.
_COPIED = 64


def duration(nanos: int) -> Duration:
    if INT_MIN <= nanos <= INT_MAX:
        return Duration(nanos)
    raise CelError("duration overflow")


def timestamp(nanos: int) -> Timestamp:
    if _FIRST <= nanos < _LAST:
        return Timestamp(nanos)
    raise CelError("timestamp overflow")


def add(frame: Frame, left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return checked_int(left + right)
        if kind is str or kind is bytes:
            frame.spend((len(left) + len(right)) // 10)
            return left + right
        if kind is float:
            return left + right
        if kind is Uint:
            return checked_uint(int(left) + int(right))
        if kind is Duration:
            return duration(left.nanos + right.nanos)
    if isinstance(left, list) and isinstance(right, list):
        return _add_lists(frame, left, right)
    if (kind is Timestamp and other is Duration) or (kind is Duration and other is Timestamp):
        return timestamp(left.nanos + right.nanos)
    raise no_such_overload()


def _add_lists(frame: Frame, left: list[Any], right: list[Any]) -> list[Any]:
    frame.spend((len(left) + len(right)) // _COPIED)
    if isinstance(left, SetList):
        return SetList([*left, *(item for item in right if not contains(frame, left, item))])
    if isinstance(left, MapList):
        return _merged(frame, left, right)
    return [*left, *right]


def _merged(frame: Frame, left: MapList, right: list[Any]) -> MapList:
    def key(item: Any) -> list[Any]:
        return [item.get(name) for name in left.keys] if isinstance(item, dict) else [item]

    found = list(left)
    for item in right:
        for index, present in enumerate(left):
            if equals(frame, key(item), key(present)):
                found[index] = item
                break
        else:
            found.append(item)
    return MapList(found, left.keys)


def subtract(frame: Frame, left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return checked_int(left - right)
        if kind is float:
            return left - right
        if kind is Uint:
            return checked_uint(int(left) - int(right))
        if kind is Duration or kind is Timestamp:
            return duration(left.nanos - right.nanos)
    if kind is Timestamp and other is Duration:
        return timestamp(left.nanos - right.nanos)
    raise no_such_overload()


def multiply(frame: Frame, left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is not type(right):
        raise no_such_overload()
    if kind is int:
        return checked_int(left * right)
    if kind is float:
        return left * right
    if kind is Uint:
        return checked_uint(int(left) * int(right))
    raise no_such_overload()


def divide(frame: Frame, left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is not type(right) or kind not in (int, Uint, float):
        raise no_such_overload()
    if kind is float:
        return _divided(left, right)
    if right == 0:
        raise CelError("division by zero")
    quotient = abs(left) // abs(right)
    if kind is Uint:
        return Uint(quotient)
    return checked_int(quotient if (left < 0) == (right < 0) else -quotient)


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def modulo(frame: Frame, left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is not type(right) or kind not in (int, Uint):
        raise no_such_overload()
    if right == 0:
        raise CelError("modulus by zero")
    rest = abs(left) % abs(right)
    return kind(rest if left >= 0 else -rest)


def negate(frame: Frame, value: Any) -> Any:
    if type(value) is int:
        return checked_int(-value)
    if type(value) is float:
        return -value
    raise no_such_overload()


BINARY: dict[str, Callable[[Frame, Any, Any], Any]] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": modulo,
}
