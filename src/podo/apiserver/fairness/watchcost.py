"""What watches cost: the seats of a watch until it has sent its initial events, and of a write until the watches that
it concerns have its event.

Source: KEP-1040, "Support for WATCH requests" and "Determining the watch count"; upstream's figures.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api.kind import Kind
from podo.apiserver.call import Call

#: A write takes a seat for so many watches, for so many seconds.
WATCHES_PER_SEAT, EVENT_SECONDS = 10, 0.005
#: Verbs that make events.
WRITING = frozenset({"create", "update", "patch", "delete"})
#: Watches that select by this field of the resource are told of few changes: they are not counted.
_INDEXED = {"pods": "spec.nodeName="}

Where = tuple[Kind, str]


class WatchCounts:
    """Watches that run, by kind and namespace ("" for all)."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Where, int] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def concerned(self, kind: Kind, namespace: str) -> int:
        """How many watches an event of the kind there goes to, at most."""
        found = self._counts.get((kind, ""), 0)
        return found + self._counts.get((kind, namespace), 0) if namespace else found

    def add(self, where: Where) -> None:
        self._counts[where] = self._counts.get(where, 0) + 1

    def drop(self, where: Where) -> None:
        left = self._counts[where] - 1
        if left:
            self._counts[where] = left
        else:
            del self._counts[where]


def event_cost(watches: int, widest: int) -> tuple[int, float]:
    """Seats that a write takes, and the seconds for which it keeps them once it is answered. Pure."""
    if watches < WATCHES_PER_SEAT:
        return 1, 0.0
    seats = -(-watches // WATCHES_PER_SEAT)
    width = max(1, min(seats, widest))
    return width, seats * EVENT_SECONDS / width


class Stay:
    """A watch on its way: ``begun`` when it has sent its initial events, ``over`` at its end, however it comes."""

    __slots__ = ("_counts", "_leave", "_where")

    def __init__(self, call: Call, fields: str, counts: WatchCounts, leave: Callable[[], None]) -> None:
        indexed = _INDEXED.get(call.kind.plural)
        is_counted = not call.name and (indexed is None or indexed not in fields)
        self._counts = counts
        self._where: Where | None = (call.kind, call.namespace) if is_counted else None
        self._leave: Callable[[], None] | None = leave

    def begun(self) -> None:
        if self._leave is None:
            return
        leave, self._leave = self._leave, None
        leave()
        if self._where is not None:
            self._counts.add(self._where)

    def over(self) -> None:
        if self._leave is not None:
            leave, self._leave = self._leave, None
            leave()
        elif self._where is not None:
            self._counts.drop(self._where)
        self._where = None

    def __del__(self) -> None:
        self.over()  # of an answer that nobody came to send
