"""The matchConditions of an authorization webhook: about which requests it is asked at all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from podo.api.kind import Obj
from podo.cel.budget import TOTAL_LIMIT, Budget, BudgetExceeded
from podo.cel.declared import STRING, Declared
from podo.cel.environment import Environment
from podo.cel.messages import Messages
from podo.cel.program import CompileError, Program, compile
from podo.cel.values import CelError


class ConditionError(Exception):
    """Whether the conditions hold cannot be told."""


class TakesLong(Exception):
    """More than is left of the limit."""


def compiled(expression: str) -> Program:
    """Raises CompileError."""
    program = compile(expression.strip(), _environment())
    if program.result != "bool":
        raise CompileError("must evaluate to bool")
    return program


def hold(conditions: Sequence[Program], request: Obj, limit: int = TOTAL_LIMIT) -> bool:
    """``request``: the spec of a SubjectAccessReview. One condition that is false decides, whatever else failed.

    Raises ConditionError, and TakesLong where that costs more than a ``limit`` below the most that it may.
    """
    budget, problem = Budget(limit), ""
    for condition in conditions:
        try:
            if condition.evaluate({"request": request}, budget) is False:
                return False
        except (CelError, BudgetExceeded) as error:
            if budget.left <= 0 and limit < TOTAL_LIMIT:
                raise TakesLong from None
            problem = problem or f"'{condition.source}': {error}"
    if problem:
        raise ConditionError(problem)
    return True


@cache
def _environment() -> Environment:
    messages = Messages()
    texts = Declared("list", item=STRING)
    selector = Declared("object", {"rawSelector": STRING})
    fields = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
    selectors = {"fieldSelector": selector, "labelSelector": selector}
    resource = Declared("object", {**dict.fromkeys(fields, STRING), **selectors})
    path = Declared("object", {"path": STRING, "verb": STRING})
    spec = {"user": STRING, "uid": STRING, "groups": texts, "extra": Declared("map", item=texts)}
    request = Declared("object", {**spec, "resourceAttributes": resource, "nonResourceAttributes": path})
    return Environment({"request": messages.type_of(request, "SubjectAccessReviewSpec")}, (messages.descriptor,))
