"""Lists: Kubernetes' ``isSorted``, ``sum``, ``min``, ``max``, ``indexOf``, ``lastIndexOf``, and CEL's lists and sets
extensions (``sort``, ``distinct``, ``flatten``, ``slice``, ``sets.contains`` ...)."""

from __future__ import annotations

from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from podo.cel.arithmetic import add
from podo.cel.comparing import compare, contains, equals
from podo.cel.frame import Frame
from podo.cel.library.function import Function, function, length, method
from podo.cel.values import NONE, CelError, Duration, Optional, Uint, no_such_overload

_COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_ZEROES = {"int": 0, "uint": Uint(0), "double": 0.0, "duration": Duration(0)}
_MAX_RANGE = 1_000_000


def _is_sorted(items: list[Any]) -> bool:
    return all(compare(one, two) <= 0 for one, two in pairwise(items))


def _extreme(name: str, sign: int) -> Any:
    def run(items: list[Any]) -> Any:
        if not items:
            raise CelError(f"{name} called on empty list")
        found = items[0]
        for item in items[1:]:
            if compare(item, found) == sign:
                found = item
        return found

    return run


def _sum(zero: Any) -> Any:
    def run(frame: Frame, items: list[Any]) -> Any:
        total = items[0] if items else zero
        if items and (isinstance(total, bool) or not isinstance(total, int | float | Duration)):
            raise no_such_overload()
        for item in items[1:]:
            total = add(frame, total, item)
        return total

    return run


def _index_of(frame: Frame, items: list[Any], wanted: Any) -> int:
    return next((index for index, item in enumerate(items) if equals(frame, item, wanted)), -1)


def _last_index_of(frame: Frame, items: list[Any], wanted: Any) -> int:
    return next((index for index in range(len(items) - 1, -1, -1) if equals(frame, items[index], wanted)), -1)


def _distinct(frame: Frame, items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not contains(frame, found, item):
            found.append(item)
    return found


def _flatten(frame: Frame, items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    found: list[Any] = []
    for item in items:
        frame.spend(1)
        if isinstance(item, list) and depth > 0:
            found.extend(_flatten(frame, item, depth - 1))
        else:
            found.append(item)
    return found


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _range(frame: Frame, size: int) -> list[int]:
    frame.spend(max(size, 0))
    return list(range(min(size, _MAX_RANGE)))


def _sort(frame: Frame, items: list[Any]) -> list[Any]:
    return [items[index] for index in _order(frame, items)]


def _sort_by_keys(frame: Frame, items: list[Any], keys: list[Any]) -> list[Any]:
    """What the macro ``sortBy`` becomes."""
    if len(items) != len(keys):
        raise no_such_overload()
    return [items[index] for index in _order(frame, keys)]


def _order(frame: Frame, keys: list[Any]) -> list[int]:
    frame.spend(len(keys) * max(1, len(keys).bit_length()))

    def ordered(one: int, two: int) -> int:
        return compare(keys[one], keys[two])

    return sorted(range(len(keys)), key=cmp_to_key(ordered))


def _contains_all(frame: Frame, items: list[Any], wanted: list[Any]) -> bool:
    return all(contains(frame, items, item) for item in wanted)


def _equivalent(frame: Frame, one: list[Any], two: list[Any]) -> bool:
    return _contains_all(frame, one, two) and _contains_all(frame, two, one)


def _intersects(frame: Frame, one: list[Any], two: list[Any]) -> bool:
    return any(contains(frame, two, item) for item in one)


def _first(items: list[Any]) -> Optional:
    return Optional(True, items[0]) if items else NONE


def _last(items: list[Any]) -> Optional:
    return Optional(True, items[-1]) if items else NONE


def _compared(name: str, result: str, run: Any) -> tuple[Function, ...]:
    return tuple(method(name, f"list<{kind}>", result or kind, run, cost=length) for kind in _COMPARABLE)


DECLARED: tuple[Function, ...] = (
    *_compared("isSorted", "bool", _is_sorted),
    *_compared("min", "", _extreme("min", -1)),
    *_compared("max", "", _extreme("max", 1)),
    *(method("sum", f"list<{kind}>", kind, _sum(zero), cost=length, framed=True) for kind, zero in _ZEROES.items()),
    method("indexOf", "list<dyn>; dyn", "int", _index_of, cost=length, framed=True),
    method("lastIndexOf", "list<dyn>; dyn", "int", _last_index_of, cost=length, framed=True),
)
KNOWN: tuple[Function, ...] = (
    method("distinct", "list", "list", _distinct, framed=True),
    method("flatten", "list", "list", _flatten, framed=True),
    method("flatten", "list; int", "list", _flatten, framed=True),
    method("slice", "list; int; int", "list", _slice, cost=length),
    method("sort", "list", "list", _sort, framed=True),
    method("@sortByAssociatedKeys", "list; list", "list", _sort_by_keys, framed=True),
    method("reverse", "list", "list", lambda items: items[::-1], cost=length),
    method("first", "list", "optional_type", _first),
    method("last", "list", "optional_type", _last),
    function("lists.range", "int", "list", _range, framed=True),
    function("sets.contains", "list; list", "bool", _contains_all, framed=True),
    function("sets.equivalent", "list; list", "bool", _equivalent, framed=True),
    function("sets.intersects", "list; list", "bool", _intersects, framed=True),
)
