"""Seats: each priority level has its own, lends some while it does not need them, and borrows what others lend.

Who has how many is worked out anew every ten seconds (``borrowing``); between two adjustments no level takes more than
it has then. While nobody asks for a seat nothing is worked out: the next request catches up with what would have been.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence

from podo.apiserver.fairness.borrowing import PERIOD, adjusted
from podo.apiserver.fairness.demand import SeatDemand
from podo.apiserver.fairness.limits import Limits
from podo.apiserver.fairness.queues import FairQueues, Waiting


class Level:
    """A priority level at work. ``current``: the seats that it has until the next adjustment; ``target``: those that it
    seemed to need at the last."""

    __slots__ = (
        *("cancelled", "current", "demand", "dispatched", "executing"),
        *("in_use", "limits", "queues", "rejected", "target"),
    )

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.queues = FairQueues(limits.queuing) if limits.queuing else None
        self.current = limits.nominal - (limits.nominal - limits.least) // 2
        self.target = 0.0
        self.demand = SeatDemand(now)
        self.in_use = 0  # seats
        self.executing = self.dispatched = self.cancelled = 0  # requests
        self.rejected: dict[str, int] = {}  # by the reason

    @property
    def waiting(self) -> int:
        return len(self.queues) if self.queues is not None else 0

    def length_of(self, entry: Waiting) -> int:
        """Of the queue in which it waits."""
        return self.queues.length_of(entry) if self.queues is not None else 0

    def reject(self, reason: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1


class Seats:
    """All levels. ``take`` a seat or ``wait`` for one; ``free`` it again. ``clock``: seconds, never going back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.levels: dict[str, Level] = {}
        self.fraction = 0.0
        self._clock = clock
        self.adjusted_at = clock()

    def configure(self, limits: Mapping[str, Limits]) -> None:
        """New limits: what runs goes on; who waits at a level that is gone or queues otherwise is refused."""
        now = self._clock()
        for name in [name for name in self.levels if name not in limits]:
            self._drain(self.levels.pop(name), now)
        for name, wanted in limits.items():
            level = self.levels.get(name)
            if level is None:
                self.levels[name] = Level(wanted, now)
                continue
            if wanted.queuing != level.limits.queuing:
                self._drain(level, now)
                level.queues = FairQueues(wanted.queuing) if wanted.queuing else None
            level.limits = wanted
        self._share_out(now)

    def _drain(self, level: Level, now: float) -> None:
        for entry in level.queues.drain() if level.queues is not None else ():
            level.demand.change(-entry.width, now)
            if not entry.turn.done():
                entry.turn.set_result(False)

    def adjust(self) -> bool:
        """At the end of a period. Has anybody asked for a seat in it?"""
        self.adjusted_at = self._clock()
        busy = any(level.demand.peak for level in self.levels.values())
        self._share_out(self.adjusted_at)
        return busy

    def catch_up(self) -> float:
        """After periods in which nobody asked: adjust as at the end of the last of them. Seconds to the next one."""
        passed, into = divmod(self._clock() - self.adjusted_at, PERIOD)
        if passed:
            self.adjusted_at += passed * PERIOD
            for level in self.levels.values():
                level.demand.rest(int(passed), self.adjusted_at)
            self._share_out(self.adjusted_at)
        return PERIOD - into

    def _share_out(self, now: float) -> None:
        for level in self.levels.values():
            level.demand.end_period(now)
        found = adjusted({name: (one.limits, one.demand.observed, one.current) for name, one in self.levels.items()})
        self.fraction = found.fraction
        for name, level in self.levels.items():
            level.current, level.target = found.seats[name], found.targets[name]
            self._dispatch(level)

    def take(self, level: Level, width: int) -> bool:
        """A seat now, unless others wait before."""
        if level.queues or not self._take(level, width):
            return False
        level.demand.change(width, self._clock())
        return True

    def _take(self, level: Level, width: int) -> bool:
        if level.in_use + width > level.current and level.in_use and not level.limits.exempt:
            return False
        level.in_use += width
        level.executing += 1
        level.dispatched += 1
        return True

    def free(self, level: Level, width: int) -> None:
        level.demand.change(-width, self._clock())
        level.in_use -= width
        level.executing -= 1
        if level.queues:
            self._dispatch(level)

    def wait(self, level: Level, hand: Sequence[int], width: int, turn: Future[bool]) -> Waiting | None:
        """Queue up: ``turn`` gets True once a seat is taken for it. None where the queues are full or there are
        none."""
        entry = level.queues.join(hand, width, turn) if level.queues is not None else None
        if entry is not None:
            level.demand.change(width, self._clock())
        return entry

    def give_up(self, level: Level, entry: Waiting) -> None:
        """Stop waiting; one whose turn came meanwhile gives its seat back."""
        if entry.queued and level.queues is not None:
            self._leave(level.queues, level, entry)
        elif entry.turn.done() and not entry.turn.cancelled() and entry.turn.result():
            self.free(level, entry.width)

    def _leave(self, queues: FairQueues, level: Level, entry: Waiting) -> None:
        queues.leave(entry)
        level.demand.change(-entry.width, self._clock())

    def _dispatch(self, level: Level) -> None:
        """Give free seats to those that wait, as far as they go."""
        queues = level.queues
        while queues and (entry := queues.first()) is not None:
            if entry.turn.done():  # its client has gone, and it has not noticed yet
                self._leave(queues, level, entry)
            elif self._take(level, entry.width):
                queues.take(entry)
                entry.turn.set_result(True)
            else:
                return
