"""Operators when they run: logic that absorbs errors, conditionals, comparison, arithmetic, indexing, membership, and
the optional forms of selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from podo.cel import tree as ast
from podo.cel.arithmetic import BINARY, negate
from podo.cel.comparing import compare, contains, equals
from podo.cel.escaping import unescape
from podo.cel.frame import Frame, Run
from podo.cel.selecting import has_key, index_optional, indexed, select_optional
from podo.cel.values import CelError, Optional, no_such_overload

if TYPE_CHECKING:
    from podo.cel.planning import Planner

_ORDER: dict[str, Callable[[int], bool]] = {
    "_<_": lambda found: found == -1,
    "_<=_": lambda found: found in (-1, 0),
    "_>_": lambda found: found == 1,
    "_>=_": lambda found: found in (0, 1),
}


def plan_operator(planner: Planner, node: ast.Call) -> Run | None:
    """The operator's closure, or None for what is an ordinary function."""
    name = node.function
    if name == "_?._":
        return _optional_select(planner, node)
    plan = _PLANS.get(name)
    if plan is not None:
        return plan(*[planner.plan(arg) for arg in node.args])
    if name in BINARY:
        return _binary(BINARY[name], *[planner.plan(arg) for arg in node.args])
    if name in _ORDER:
        return _ordered(_ORDER[name], *[planner.plan(arg) for arg in node.args])
    if name in ("or", "orValue") and node.target is not None and len(node.args) == 1:
        return _or(planner.plan(node.target), planner.plan(node.args[0]), unwrap=name == "orValue")
    return None


def _and(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        try:
            found = left(frame)
        except CelError as problem:
            found = problem
        if type(found) is CelError:  # out of the handler, so that errors do not hang on each other
            if right(frame) is False:
                return False
            raise found
        if found is False:
            return False
        other = right(frame)
        if other is False or (other is True and found is True):
            return bool(other)
        raise no_such_overload()

    return run


def _or_else(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        try:
            found = left(frame)
        except CelError as problem:
            found = problem
        if type(found) is CelError:
            if right(frame) is True:
                return True
            raise found
        if found is True:
            return True
        other = right(frame)
        if other is True or (other is False and found is False):
            return bool(other)
        raise no_such_overload()

    return run


def _not(operand: Run) -> Run:
    def run(frame: Frame) -> bool:
        frame.left -= 1
        found = operand(frame)
        if found is True:
            return False
        if found is False:
            return True
        raise no_such_overload()

    return run


def _not_strictly_false(operand: Run) -> Run:
    def run(frame: Frame) -> bool:
        frame.left -= 1
        try:
            return operand(frame) is not False
        except CelError:
            return True

    return run


def _conditional(condition: Run, then: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        found = condition(frame)
        if found is True:
            return then(frame)
        if found is False:
            return other(frame)
        raise no_such_overload()

    return run


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | dict) else 1


def _comparison_cost(left: Any, right: Any) -> int:
    """A tenth of the shorter side, at least one."""
    if isinstance(left, str | bytes) and isinstance(right, str | bytes):
        return -(-min(len(left), len(right)) // 10) or 1
    return 1


def _equal(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        one, two = left(frame), right(frame)
        frame.left -= _comparison_cost(one, two)
        return equals(frame, one, two)

    return run


def _unequal(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        one, two = left(frame), right(frame)
        frame.left -= _comparison_cost(one, two)
        return not equals(frame, one, two)

    return run


def _ordered(wanted: Callable[[int], bool], left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        one, two = left(frame), right(frame)
        frame.left -= _comparison_cost(one, two)
        return wanted(compare(one, two))

    return run


def _binary(operate: Callable[[Frame, Any, Any], Any], left: Run, right: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.left -= 1
        return operate(frame, left(frame), right(frame))

    return run


def _negation(operand: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.left -= 1
        return negate(frame, operand(frame))

    return run


def _in(wanted: Run, container: Run) -> Run:
    def run(frame: Frame) -> bool:
        value, found = wanted(frame), container(frame)
        if isinstance(found, list):
            return contains(frame, found, value)
        frame.left -= 1
        if isinstance(found, dict):
            return has_key(found, value)
        raise no_such_overload()

    return run


def _index(operand: Run, index: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.left -= 1
        value = operand(frame)
        at = index(frame)
        if type(value) is Optional:
            return index_optional(value, at)
        return indexed(value, at)

    return run


def _optional_index(operand: Run, index: Run) -> Run:
    def run(frame: Frame) -> Optional:
        frame.left -= 1
        return index_optional(operand(frame), index(frame))

    return run


def _optional_select(planner: Planner, node: ast.Call) -> Run:
    operand = planner.plan(node.args[0])
    key = node.args[1]
    assert isinstance(key, ast.Const)
    kind = planner.type_of(node.args[0])
    if kind.name == "optional_type" and kind.params:
        kind = kind.params[0]
    field = unescape(key.value) if kind.is_message else key.value

    def run(frame: Frame) -> Optional:
        frame.left -= 1
        return select_optional(operand(frame), field)

    return run


def _or(target: Run, other: Run, *, unwrap: bool) -> Run:
    """``optional.or(optional)`` and ``optional.orValue(value)``: the other is evaluated only where it is needed."""

    def run(frame: Frame) -> Any:
        frame.left -= 1
        found = target(frame)
        if type(found) is not Optional:
            raise no_such_overload()
        if found.present:
            return found.value if unwrap else found
        return other(frame)

    return run


_PLANS: dict[str, Callable[..., Run]] = {
    "_&&_": _and,
    "_||_": _or_else,
    "!_": _not,
    "_?_:_": _conditional,
    "_==_": _equal,
    "_!=_": _unequal,
    "-_": _negation,
    "_[_]": _index,
    "_[?_]": _optional_index,
    "@in": _in,
    "@not_strictly_false": _not_strictly_false,
}
