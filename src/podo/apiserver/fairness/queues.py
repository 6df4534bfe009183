"""The queues of one priority level: a request joins the shortest of its flow's hand; the next one to go comes from the
queue that has been served least (start-time fair queuing by seats).
"""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from podo.apiserver.fairness.limits import Queuing


@dataclass(slots=True, eq=False)
class Waiting:
    """A request in a queue. ``turn`` tells its task: True is go, False is refused."""

    width: int
    queue: int
    turn: Future[bool]
    #: Of whose flow it is, and since when it waits (seconds of the clock on the wall): for those who look.
    schema: str = ""
    distinguisher: str = ""
    came: float = 0.0
    queued: bool = True


@dataclass(slots=True)
class _Queue:
    served: float  # virtual time: seats given, counted from where the others were when it last was empty
    entries: deque[Waiting] = field(default_factory=deque)


class FairQueues:
    def __init__(self, queuing: Queuing) -> None:
        self.queuing = queuing
        self._queues: dict[int, _Queue] = {}  # those with somebody in them
        self._now = 0.0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def active(self) -> int:
        """Queues with somebody in them."""
        return len(self._queues)

    def join(self, hand: Sequence[int], width: int, turn: Future[bool]) -> Waiting | None:
        """None where every queue of the hand is full."""
        number = min(hand, key=self._length)
        if self._length(number) >= self.queuing.length:
            return None
        queue = self._queues.get(number)
        if queue is None:
            queue = self._queues[number] = _Queue(self._now)
        entry = Waiting(width, number, turn)
        queue.entries.append(entry)
        self._size += 1
        return entry

    def length_of(self, entry: Waiting) -> int:
        """Of its queue."""
        return self._length(entry.queue)

    def lengths(self) -> Iterator[tuple[int, float, int]]:
        """Of each queue: how many wait, how far it has been served, and the seats that those want who wait."""
        for number in range(self.queuing.queues):
            queue = self._queues.get(number)
            if queue is None:
                yield 0, self._now, 0
            else:
                yield len(queue.entries), queue.served, sum(entry.width for entry in queue.entries)

    def waiting(self) -> Iterator[tuple[int, Waiting]]:
        """All that wait, each with its place in its queue."""
        for _, queue in sorted(self._queues.items()):
            yield from enumerate(queue.entries)

    def _length(self, number: int) -> int:
        queue = self._queues.get(number)
        return len(queue.entries) if queue else 0

    def first(self) -> Waiting | None:
        """Who is to go next; stays where it is until ``take``."""
        if not self._queues:
            return None
        return min(self._queues.values(), key=_served).entries[0]

    def take(self, entry: Waiting) -> None:
        """It goes."""
        queue = self._queues[entry.queue]
        self._now = queue.served
        queue.served += entry.width
        self.leave(entry)

    def leave(self, entry: Waiting) -> None:
        """It does not wait any more."""
        queue = self._queues[entry.queue]
        queue.entries.remove(entry)
        entry.queued = False
        self._size -= 1
        if not queue.entries:
            del self._queues[entry.queue]

    def drain(self) -> list[Waiting]:
        """All leave."""
        left = [entry for queue in self._queues.values() for entry in queue.entries]
        for entry in left:
            entry.queued = False
        self._queues.clear()
        self._size = 0
        return left


def _served(queue: _Queue) -> float:
    return queue.served
