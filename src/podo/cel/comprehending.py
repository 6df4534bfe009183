"""Macros when they run: ``all``, ``exists``, ``map``, ``filter`` and the others are loops over a list or a map's keys,
with an accumulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podo.cel import tree as ast
from podo.cel.frame import ErrorBox, Frame, Run
from podo.cel.values import CelError, no_such_overload

if TYPE_CHECKING:
    from podo.cel.planning import Planner

#: What appending to the accumulator costs: the accumulator's name, the list of one, the concatenation.
_APPEND_COST = 12


def plan_comprehension(planner: Planner, node: ast.Comprehension) -> Run:
    items, init = planner.plan(node.range), planner.plan(node.init)
    accu = planner.slot()
    scope = {node.accu: accu}
    planner.scopes.append(scope)
    result = planner.plan(node.result)
    scope = {**scope, node.var: planner.slot()}
    if node.var2:
        scope[node.var2] = planner.slot()
    planner.scopes[-1] = scope
    condition = None if _is_true(node.condition) else planner.plan(node.condition)
    step = _appending(planner, node) or _step(planner.plan(node.step), accu, absorb=condition is not None)
    planner.scopes.pop()
    loop = _Loop(items, init, condition, step, result, accu, scope[node.var], scope.get(node.var2, -1))
    return loop.run


def _is_true(node: ast.Node) -> bool:
    return isinstance(node, ast.Const) and node.value is True


class _Loop:
    """``condition`` None: all elements are visited. ``second``: the slot of the second variable, -1 without one."""

    __slots__ = ("accu", "condition", "first", "init", "items", "result", "second", "step")

    def __init__(
        self,
        items: Run,
        init: Run,
        condition: Run | None,
        step: Run,
        result: Run,
        accu: int,
        first: int,
        second: int,
    ) -> None:
        self.items, self.init, self.condition, self.step, self.result = items, init, condition, step, result
        self.accu, self.first, self.second = accu, first, second

    def run(self, frame: Frame) -> Any:
        items = self.items(frame)
        slots = frame.slots
        slots[self.accu] = self.init(frame)
        if self.second >= 0:
            self._pairs(frame, items)
        else:
            self._singles(frame, items)
        return self.result(frame)

    def _singles(self, frame: Frame, items: Any) -> None:
        if not isinstance(items, list | dict):
            raise no_such_overload()
        slots, first, condition, step = frame.slots, self.first, self.condition, self.step
        for item in items:
            slots[first] = item
            if condition is not None and condition(frame) is False:
                return
            step(frame)
            frame.spend(0)

    def _pairs(self, frame: Frame, items: Any) -> None:
        if not isinstance(items, list | dict):
            raise no_such_overload()
        slots, condition, step = frame.slots, self.condition, self.step
        pairs = items.items() if isinstance(items, dict) else enumerate(items)
        for slots[self.first], slots[self.second] in pairs:
            if condition is not None and condition(frame) is False:
                return
            step(frame)
            frame.spend(0)


def _step(step: Run, accu: int, *, absorb: bool) -> Run:
    """Stores what the step gives. ``absorb``: an error becomes the accumulator's value, for all and exists."""

    def plain(frame: Frame) -> None:
        frame.slots[accu] = step(frame)

    def absorbing(frame: Frame) -> None:
        try:
            frame.slots[accu] = step(frame)
        except CelError as error:
            frame.slots[accu] = ErrorBox(error)

    return absorbing if absorb else plain


def _appending(planner: Planner, node: ast.Comprehension) -> Run | None:
    """The step of map and filter, ``accu + [element]`` where a condition holds: done in place, so that a loop over n
    elements is not a loop of n copies."""
    step, condition = node.step, None
    if not (isinstance(node.init, ast.ListNode) and not node.init.elements):
        return None
    if isinstance(step, ast.Call) and step.function == "_?_:_" and _is_accu(step.args[2], node):
        condition, step = planner.plan(step.args[0]), step.args[1]
    if not (isinstance(step, ast.Call) and step.function == "_+_" and _is_accu(step.args[0], node)):
        return None
    added = step.args[1]
    if not (isinstance(added, ast.ListNode) and len(added.elements) == 1 and not added.optional):
        return None
    return _append(planner.plan(added.elements[0]), condition, planner.scopes[-1][node.accu])


def _is_accu(node: ast.Node, comprehension: ast.Comprehension) -> bool:
    return isinstance(node, ast.Ident) and node.name == comprehension.accu


def _append(element: Run, condition: Run | None, accu: int) -> Run:
    def run(frame: Frame) -> None:
        if condition is not None:
            holds = condition(frame)
            if holds is not True:
                frame.left -= 1
                if holds is False:
                    return
                raise no_such_overload()
        frame.left -= _APPEND_COST
        frame.slots[accu].append(element(frame))

    return run
