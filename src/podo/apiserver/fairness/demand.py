"""How many seats a priority level was asked for: those taken and those waited for, over a period of adjustment. Pure.

Source: KEP-1040, "Seat borrowing": average and deviation are weighted by time; their envelope, smoothed, rises at once
and falls slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

#: What is left of the smoothed demand after a period in which nobody asked.
SMOOTHING = 0.977


@dataclass(frozen=True, slots=True)
class Observed:
    """Seats. ``smoothed``: over all periods so far."""

    average: float = 0.0
    deviation: float = 0.0
    peak: int = 0
    smoothed: float = 0.0


class SeatDemand:
    """The integral of one level's demand; times are seconds of a clock that never goes back."""

    __slots__ = ("_begun", "_since", "_squares", "_sum", "observed", "peak", "seats")

    def __init__(self, now: float) -> None:
        self.seats = self.peak = 0
        self.observed = Observed()
        self._begun = self._since = now
        self._sum = self._squares = 0.0

    def change(self, seats: int, now: float) -> None:
        """So many more are wanted, or fewer."""
        held = self.seats
        if held:
            area = held * (now - self._since)
            self._sum += area
            self._squares += held * area
        self._since = now
        held += seats
        self.seats = held
        if held > self.peak:
            self.peak = held

    def end_period(self, now: float) -> None:
        """``observed`` is then about what has ended, and a new period begins."""
        self.change(0, now)
        seconds, before = now - self._begun, self.observed
        average, deviation, smoothed = before.average, before.deviation, before.smoothed
        if seconds > 0:
            average = self._sum / seconds
            deviation = sqrt(max(0.0, self._squares / seconds - average * average))
            envelope = average + deviation
            smoothed = max(envelope, SMOOTHING * smoothed + (1 - SMOOTHING) * envelope)
        self.observed = Observed(average, deviation, self.peak, smoothed)
        self._begun, self.peak = now, self.seats
        self._sum = self._squares = 0.0

    def rest(self, periods: int, until: float) -> None:
        """Nobody asked for so many periods, the last of which ended then."""
        smoothed = self.observed.smoothed * SMOOTHING**periods
        self.observed = Observed(0.0, 0.0, 0, smoothed)
        self._begun = self._since = until
