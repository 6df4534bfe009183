"""What a running expression works with, and what a compiled part of one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podo.cel.budget import SLICE, BudgetExceeded
from podo.cel.values import CelError
from podo.runtime.slices import rest


class Frame:
    """One evaluation. ``slots`` hold the variables of macros; ``left`` is what it may still cost before others have
    their turn, ``later`` what it may cost after that.

    ``left`` is lowered without a look; whoever loops, or does work that grows with the data, looks (``spend``). What
    lies between two looks is bounded by the length of the expression.
    """

    __slots__ = ("later", "left", "slots", "variables")

    def __init__(self, variables: Mapping[str, Any], slots: int, left: int, later: int) -> None:
        self.variables = variables
        self.slots: list[Any] = [None] * slots
        self.left = left
        self.later = later

    def spend(self, cost: int) -> None:
        """Raises BudgetExceeded."""
        self.left -= cost
        if self.left < 0:
            self.refill()

    def refill(self) -> None:
        """A slice is used up: let others have their turn, and go on with the next. Raises BudgetExceeded."""
        if self.left + self.later < 0:
            raise BudgetExceeded
        rest()
        part = min(SLICE - self.left, self.later)
        self.left += part
        self.later -= part


class ErrorBox:
    """An error as the value of a macro's accumulator: a later element may still absorb it."""

    __slots__ = ("error",)

    def __init__(self, error: CelError) -> None:
        self.error = error


#: A compiled part of an expression. Raises CelError and BudgetExceeded.
Run = Callable[[Frame], Any]
