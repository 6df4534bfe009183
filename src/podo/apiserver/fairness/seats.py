"""Seats: each priority level has its own, lends some while it does not need them, and borrows what others lend.

What levels may lend is one pool. A level uses its own seats first (``least``) and then those of the pool, up to
``most``; so every level can have its own at any time, and nothing stands empty while somebody waits who may use it.
When a seat becomes free, the level that uses least of what is nominally its own goes first.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterable, Mapping, Sequence

from podo.apiserver.fairness.limits import Limits
from podo.apiserver.fairness.queues import FairQueues, Waiting


class Level:
    """A priority level at work."""

    __slots__ = ("cancelled", "dispatched", "executing", "in_use", "limits", "queues", "rejected", "retired")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.queues = FairQueues(limits.queuing) if limits.queuing else None
        self.in_use = 0  # seats
        self.executing = self.dispatched = self.cancelled = 0  # requests
        self.rejected: dict[str, int] = {}  # by the reason
        self.retired = False

    @property
    def waiting(self) -> int:
        return len(self.queues) if self.queues is not None else 0

    def length_of(self, entry: Waiting) -> int:
        """Of the queue in which it waits."""
        return self.queues.length_of(entry) if self.queues is not None else 0

    def reject(self, reason: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1


class Seats:
    """All levels. ``take`` a seat or ``wait`` for one; ``free`` it again."""

    def __init__(self) -> None:
        self.levels: dict[str, Level] = {}
        self._pool = self._lent = 0
        self._waiting = 0

    def configure(self, limits: Mapping[str, Limits]) -> None:
        """New limits: what runs goes on; who waits at a level that is gone or queues otherwise is refused."""
        for name in [name for name in self.levels if name not in limits]:
            gone = self.levels.pop(name)
            gone.retired = True
            self._refuse(gone.queues.drain() if gone.queues is not None else ())
        for name, wanted in limits.items():
            level = self.levels.get(name)
            if level is None:
                self.levels[name] = Level(wanted)
                continue
            if wanted.queuing != level.limits.queuing:
                self._refuse(level.queues.drain() if level.queues is not None else ())
                level.queues = FairQueues(wanted.queuing) if wanted.queuing else None
            level.limits = wanted
        limited = [level for level in self.levels.values() if not level.limits.exempt]
        self._pool = sum(level.limits.nominal - level.limits.least for level in limited)
        self._lent = sum(max(0, level.in_use - level.limits.least) for level in limited)
        self._dispatch()

    def _refuse(self, entries: Iterable[Waiting]) -> None:
        for entry in entries:
            self._waiting -= 1
            if not entry.turn.done():
                entry.turn.set_result(False)

    def limit_of(self, level: Level) -> int:
        """Seats that the level could have now: its own, less what others have borrowed of them, and what is left to
        borrow."""
        limits = level.limits
        if limits.exempt:
            return limits.nominal
        borrowed = max(0, level.in_use - limits.least)
        return min(limits.most, limits.least + self._pool - self._lent + borrowed)

    def take(self, level: Level, width: int) -> bool:
        """A seat now, unless others wait before."""
        if self._waiting and level.waiting:
            return False
        return self._take(level, width)

    def _take(self, level: Level, width: int) -> bool:
        limits = level.limits
        if not limits.exempt:
            used = level.in_use + width
            if used > limits.most and level.in_use:
                return False
            if used > limits.least:
                more = used - max(limits.least, level.in_use)
                if self._lent + more > self._pool and level.in_use:
                    return False
                self._lent += more
        level.in_use += width
        level.executing += 1
        level.dispatched += 1
        return True

    def free(self, level: Level, width: int) -> None:
        if not level.limits.exempt and not level.retired:
            least = level.limits.least
            if level.in_use > least:
                self._lent -= level.in_use - max(least, level.in_use - width)
        level.in_use -= width
        level.executing -= 1
        if self._waiting:
            self._dispatch()

    def wait(self, level: Level, hand: Sequence[int], width: int, turn: Future[bool]) -> Waiting | None:
        """Queue up: ``turn`` gets True once a seat is taken for it. None where the queues are full or there are
        none."""
        entry = level.queues.join(hand, width, turn) if level.queues is not None else None
        if entry is not None:
            self._waiting += 1
        return entry

    def give_up(self, level: Level, entry: Waiting) -> None:
        """Stop waiting; one whose turn came meanwhile gives its seat back."""
        if entry.queued and level.queues is not None:
            level.queues.leave(entry)
            self._waiting -= 1
        elif entry.turn.done() and not entry.turn.cancelled() and entry.turn.result():
            self.free(level, entry.width)

    def _dispatch(self) -> None:
        """Give free seats to those that wait, as far as they go."""
        ready = [level for level in self.levels.values() if level.waiting]
        while ready:
            level = min(ready, key=_pressed)
            queues = level.queues
            entry = queues.first() if queues else None
            if queues is None or entry is None:
                ready.remove(level)
            elif entry.turn.done():  # its client has gone, and it has not noticed yet
                queues.leave(entry)
                self._waiting -= 1
            elif self._take(level, entry.width):
                queues.take(entry)
                self._waiting -= 1
                entry.turn.set_result(True)
            else:
                ready.remove(level)


def _pressed(level: Level) -> float:
    return level.in_use / (level.limits.nominal or 1)
