"""Does a device match the CEL selectors of a request and its class? Remembered by the device, which is made anew when
its slice changes.
"""

from __future__ import annotations

from podo.api.kinds.resource.expressions import COST_LIMIT, checked
from podo.cel.budget import Budget, BudgetExceeded
from podo.cel.program import CompileError
from podo.cel.values import CelError
from podo.scheduler.devices.asking import CannotAllocate
from podo.scheduler.devices.pools import Device


def matches(device: Device, selectors: tuple[str, ...], claim: str) -> bool:
    """Raises CannotAllocate where an expression cannot be evaluated for the device."""
    for index, expression in enumerate(selectors):
        known = device.matched.get(expression)
        if known is None:
            known = device.matched[expression] = _evaluated(device, expression, Budget(COST_LIMIT))
        if isinstance(known, str):
            raise CannotAllocate(f"claim {claim}: selector #{index}: {known}")
        if not known:
            return False
    return True


def ask(device: Device, selectors: tuple[str, ...], slice_left: int) -> int:
    """Have what ``matches`` will find remembered; what is left of the slice then."""
    for expression in selectors:
        known = device.matched.get(expression)
        if known is None:
            budget = Budget(COST_LIMIT)
            budget.slice = slice_left
            known = device.matched[expression] = _evaluated(device, expression, budget)
            slice_left = budget.slice
        if known is not True:
            break
    return slice_left


def _evaluated(device: Device, expression: str, budget: Budget) -> bool | str:
    """A text says why it cannot be told."""
    try:
        found = checked(expression).evaluate({"device": device.seen}, budget)
    except CompileError as problem:
        return f"CEL compile error: {problem}"
    except (CelError, BudgetExceeded) as problem:
        return f"CEL runtime error: {problem}"
    return found if isinstance(found, bool) else "CEL runtime error: must evaluate to a bool"
