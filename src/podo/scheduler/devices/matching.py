"""Does a device match the CEL selectors of a request and its class? Remembered by the device, which is made anew when
its slice changes."""

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
            known = device.matched[expression] = _evaluated(device, expression, f"claim {claim}: selector #{index}")
        if not known:
            return False
    return True


def _evaluated(device: Device, expression: str, where: str) -> bool:
    try:
        found = checked(expression).evaluate({"device": device.seen}, Budget(COST_LIMIT))
    except CompileError as problem:
        raise CannotAllocate(f"{where}: CEL compile error: {problem}") from None
    except (CelError, BudgetExceeded) as problem:
        raise CannotAllocate(f"{where}: CEL runtime error: {problem}") from None
    if not isinstance(found, bool):
        raise CannotAllocate(f"{where}: CEL runtime error: must evaluate to a bool")
    return found
