"""matchConditions: expressions that say which requests a webhook or a policy is for, after its rules have said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podo.api.kinds.admissionregistration import expressions
from podo.cel.budget import Budget, BudgetExceeded
from podo.cel.program import CompileError, Program
from podo.cel.values import CelError

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class ConditionError(Exception):
    """Whether the conditions hold cannot be told; the failurePolicy decides."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``problem``: why the expression does not compile."""

    name: str
    program: Program | None
    problem: str = ""


Conditions = tuple[Condition, ...]


def compiled(conditions: Sequence[Mapping[str, Any]] | None, *, has_params: bool = False) -> Conditions:
    """From wire form. Compiles: for when the first request comes, or the object is read."""
    return tuple(_condition(one["name"], one["expression"], has_params) for one in conditions or ())


def _condition(name: str, expression: str, has_params: bool) -> Condition:
    within = expressions.environment(has_params=has_params)
    try:
        return Condition(name, expressions.checked(expression.strip(), within, expressions.BOOL))
    except CompileError as problem:
        return Condition(name, None, str(problem))


def uses(conditions: Conditions) -> frozenset[str]:
    """The variables that the conditions refer to."""
    return frozenset().union(*(one.program.variables for one in conditions if one.program))


def hold(conditions: Conditions, activation: Mapping[str, Any], budget: Budget) -> bool:
    """Do all conditions hold? One that is false decides, whatever else failed. Raises ConditionError."""
    errors = []
    for condition in conditions:
        try:
            if condition.program is None:
                raise CelError(condition.problem)
            if condition.program.evaluate(activation, budget) is False:
                return False
        except BudgetExceeded:
            raise ConditionError(OUT_OF_BUDGET) from None
        except CelError as problem:
            source = condition.program.source if condition.program else condition.name
            errors.append(f"expression '{source}' resulted in error: {problem}")
    if errors:
        raise ConditionError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return True
