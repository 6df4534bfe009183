"""What a function of a library is, and how a call finds the one whose parameters fit its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from podo.cel.frame import Frame, Run
from podo.cel.values import (
    Duration,
    Opaque,
    Optional,
    Timestamp,
    TypeValue,
    Uint,
    no_such_overload,
)

#: What a call costs beside its arguments, from these and the result.
Cost = Callable[..., int]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One overload. ``params`` and ``result`` are types as CEL writes them (``string``, ``list<int>``, ``dyn``, a
    library's own type); a method's receiver is its first parameter.

    ``run`` gets the arguments, after the Frame if ``framed``; what it raises but CelError (and BudgetExceeded) is a
    bug. ``cost(*arguments)``: in units; without it 1.
    """

    name: str
    params: tuple[str, ...]
    result: str
    run: Callable[..., Any]
    member: bool = False
    cost: Cost | None = None
    framed: bool = False


def function(name: str, params: str, result: str, run: Callable[..., Any], **more: Any) -> Function:
    """A function called ``name(...)``; ``params`` separated by ``;``."""
    return Function(name, _split(params), result, run, **more)


def method(name: str, params: str, result: str, run: Callable[..., Any], **more: Any) -> Function:
    """A function called ``receiver.name(...)``."""
    return Function(name, _split(params), result, run, member=True, **more)


def _split(params: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in params.split(";") if part.strip())


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: type(value) is kind


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "bool": _is(bool),
    "int": _is(int),
    "uint": _is(Uint),
    "double": _is(float),
    "string": _is(str),
    "bytes": _is(bytes),
    "null_type": _is(type(None)),
    "timestamp": _is(Timestamp),
    "duration": _is(Duration),
    "type": _is(TypeValue),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "optional_type": _is(Optional),
}


def check_of(param: str) -> Callable[[Any], bool] | None:
    """Does a value fit a parameter? None for ``dyn``, which everything fits."""
    name = param.partition("<")[0]
    if name == "dyn":
        return None
    known = _CHECKS.get(name)
    return known or (lambda value: isinstance(value, Opaque) and value.cel_type == name)


class UnknownFunction(Exception):
    """The checker knows a function that no library here has."""


class Functions:
    """All functions of an environment, to be called at run time."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._by_shape: dict[tuple[str, bool, int], list[Function]] = {}
        for one in functions:
            self._by_shape.setdefault((one.name, one.member, len(one.params)), []).append(one)

    def plan(self, name: str, member: bool, args: Sequence[Run]) -> Run:
        """The closure of a call."""
        found = self._by_shape.get((name, member, len(args)), [])
        candidates = _distinct(found)
        if not candidates:
            raise UnknownFunction(f"undeclared reference to '{name}'")
        if len(candidates) == 1:
            return _single(candidates[0][0], candidates[0][1], args)
        return _several(candidates, args)


Checks = tuple[Callable[[Any], bool] | None, ...]


def _distinct(found: list[Function]) -> list[tuple[Checks, Function]]:
    """Overloads that differ at run time: those of list<int> and list<string> do not, where one function does both."""
    seen: set[Any] = set()
    kept = []
    for one in found:
        shape = (tuple(param.partition("<")[0] for param in one.params), one.run)
        if shape not in seen:
            seen.add(shape)
            kept.append((tuple(check_of(param) for param in one.params), one))
    return kept


def _fits(checks: Checks, values: list[Any]) -> bool:
    return all(check is None or check(value) for check, value in zip(checks, values, strict=True))


def _single(checks: Checks, found: Function, args: Sequence[Run]) -> Run:
    cost, run, framed = found.cost, found.run, found.framed

    def call(frame: Frame) -> Any:
        values = [arg(frame) for arg in args]
        if not _fits(checks, values):
            raise no_such_overload()
        frame.spend(1 if cost is None else cost(*values))
        return run(frame, *values) if framed else run(*values)

    return call


def _several(candidates: list[tuple[Checks, Function]], args: Sequence[Run]) -> Run:
    def call(frame: Frame) -> Any:
        values = [arg(frame) for arg in args]
        for checks, found in candidates:
            if _fits(checks, values):
                frame.spend(1 if found.cost is None else found.cost(*values))
                return found.run(frame, *values) if found.framed else found.run(*values)
        raise no_such_overload()

    return call


def tenth(*values: Any) -> int:
    """The cost of looking once at the first argument's text: a tenth of its length, at least 1."""
    return -(-len(values[0]) // 10) or 1


def length(*values: Any) -> int:
    """The cost of looking at each element of the first argument."""
    return len(values[0]) or 1


def regex_cost(text: str, pattern: str, *_: Any) -> int:
    """What linear-time matching costs: the text's tenth times a quarter of the pattern."""
    return max(1, -(-(1 + len(text)) // 10) * -(-len(pattern) // 4))
