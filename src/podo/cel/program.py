"""Compiling an expression, and running what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.cel import checked
from podo.cel.budget import CALL, PER_CALL_LIMIT, Budget
from podo.cel.environment import Environment
from podo.cel.frame import Frame, Run
from podo.cel.library.function import UnknownFunction
from podo.cel.planning import Planner
from podo.cel.tree import DYN, Checked, StructNode, walk
from podo.cel.values import CelError
from podo.runtime.slices import rest

#: Longer expressions are refused, so that compiling one takes no longer than tenths of a second.
MAX_LENGTH = 16 * 1024


class CompileError(Exception):
    """The expression is not valid. The message is upstream's form: each error with its place and the line marked."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression. ``result``: the checker's type of its value (``bool``, ``list<int>``, ``dyn``)."""

    source: str
    result: str
    #: The variables that it refers to.
    variables: frozenset[str]
    tree: Checked = field(repr=False)
    _run: Run = field(repr=False)
    _slots: int = 0

    def evaluate(self, variables: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """The value. ``variables``: JSON values by name, or values of CEL; a mapping may compute them when asked.

        Takes the cost from ``budget``. Raises CelError, and BudgetExceeded when this expression or all that share the
        budget cost more than they may.
        """
        if budget is None:
            budget = Budget(PER_CALL_LIMIT)
        allowed = min(PER_CALL_LIMIT, budget.left)
        first = min(allowed, max(0, budget.slice))
        frame = Frame(variables, self._slots, first, allowed - first)
        try:
            value = self._run(frame)
            if frame.left < 0:
                frame.refill()
            return value
        except RecursionError:
            raise CelError("the expression is nested too deeply") from None
        finally:
            budget.left -= allowed - frame.left - frame.later
            budget.slice = frame.left - CALL


def compile(expression: str, environment: Environment) -> Program:
    """Raises CompileError."""
    tree = _parsed(expression, environment, check=True)
    planner = Planner(tree, environment.implementations, environment.names)
    try:
        run = planner.plan(tree.root)
    except (UnknownFunction, RecursionError) as problem:
        raise CompileError(f"ERROR: <input>:1:1: {problem}") from None
    result = str(tree.types.get(tree.root.id, DYN))
    rest()  # some milliseconds are over
    return Program(expression, result, frozenset(planner.used), tree, run, planner.slots)


def _parsed(expression: str, environment: Environment, *, check: bool) -> Checked:
    if len(expression) > MAX_LENGTH:
        raise CompileError(f"expression code point size exceeds limit: size: {len(expression)}, limit {MAX_LENGTH}")
    checker = environment.checker
    try:
        found = checker.compile(expression, disable_check=not check)
    except RuntimeError as refused:
        raise CompileError(_message(str(refused))) from None
    try:
        return checked.read(found.serialize())
    except checked.TooDeep:
        raise CompileError("max recursion depth exceeded") from None


def structures(expression: str, environment: Environment) -> list[StructNode]:
    """The objects that an expression constructs, as written; types are not looked at. Raises CompileError."""
    tree = _parsed(expression, environment, check=False)
    return [node for node in walk(tree.root) if isinstance(node, StructNode) and node.message]


_status = re.compile(r"\A[A-Z_]+: (.*) \[[A-Z_]+\]\Z", re.DOTALL)
_container = re.compile(r" \(in container '[^']*'\)")
#: What follows from an error that is told already.
_consequence = re.compile(r"\nERROR: <input>:\d+:\d+: expression of type '\*error\*'[^\n]*\n \| [^\n]*\n \| [^\n]*")
_undefined = re.compile(r"(undefined field '[^']*') not found in struct '[^']*'")
#: A field of a variable that there is not, with its place, the line and the mark below it.
_unknown = re.compile(
    r"<input>:(\d+):(\d+): (undeclared reference to)"
    r" '((\w+)\.[\w.]+)'( \(in container ''\)\n \| )([^\n]*)(\n \| )([^\n]*)"
)


def _message(text: str) -> str:
    """cel-cpp's text in cel-go's words."""
    text = _consequence.sub("", _status.sub(r"\1", text))
    text = _undefined.sub(r"\1", _container.sub(" (in container '')", text))
    return _unknown.sub(_of_variable, text)


def _of_variable(found: re.Match[str]) -> str:
    """The variable itself is unknown, at its own place."""
    line, column, told, name, variable, before, text, between, mark = found.groups()
    start = text.rfind(name, 0, int(column) + len(name))
    if start < 0:
        return found[0]
    mark = f"{mark[:-1]}."[:start] + "^"
    return f"<input>:{line}:{start + 1}: {told} '{variable}'{before}{text}{between}{mark}"
