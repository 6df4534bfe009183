"""What evaluations may cost, in CEL's units: deterministic, the same on every machine.

Source: "Resource constraints" of the documentation "Common Expression Language in Kubernetes".
"""

from __future__ import annotations

#: The most that one expression may cost, and all expressions of one policy or custom resource together.
PER_CALL_LIMIT = 1_000_000
TOTAL_LIMIT = 10_000_000
#: After so much others on the event loop have their turn (``runtime.slices``): some 5 ms of work.
SLICE = 20_000
#: What an evaluation takes of a slice beside its cost.
CALL = 20


class BudgetExceeded(Exception):
    """The expression, or all of them together, cost more than allowed. Nothing in an expression can absorb this."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


class Budget:
    """What expressions evaluated for one purpose may cost together: ``left`` goes down with each evaluation, and
    ``slice`` likewise until others have their turn."""

    __slots__ = ("left", "slice")

    def __init__(self, limit: int = TOTAL_LIMIT) -> None:
        self.left = limit
        self.slice = SLICE
