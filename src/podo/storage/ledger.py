"""The state of a store in memory: current records in key order, the bounded history behind them, and the watches of it.

Every implementation that keeps its data in this process serves its reads from here, and tells it each commit by
``apply``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

from podo.storage.contract import Change, Compacted, FutureRevision, Page, Record
from podo.storage.sortedkeys import SortedKeys
from podo.storage.watching import Channels, Cursor

#: An empty store is at this revision: 0 has a meaning of its own in the API ("any revision").
FIRST_REVISION = 1
#: How many changes, and how many bytes of values in them, are kept for watches and for reads at a revision.
HISTORY_LIMIT = 32_768
HISTORY_BYTES = 64 << 20

_revision_of = attrgetter("revision")
_LAST = "\U0010ffff"  # sorts after everything that a key can hold


class Shelf:
    """The records of one resource, in key order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records: dict[str, Record] = {}
        self.keys = SortedKeys()
        self.changed = 0  # revision of the last change

    def put(self, change: Change) -> None:
        self.changed = change.revision
        if change.deleted:
            del self.records[change.key]
            self.keys.remove(change.key)
            return
        if change.key not in self.records:
            self.keys.add(change.key)
        self.records[change.key] = change.record

    def bounds(self, prefix: str, after: str = "") -> tuple[int, int]:
        """The positions where the keys with ``prefix`` after ``after`` begin and end."""
        end = self.keys.upto(prefix + _LAST)
        start = self.keys.upto(after) if after >= prefix else self.keys.below(prefix)
        return min(start, end), end

    def count(self, prefix: str) -> int:
        if self.name.startswith(prefix):
            return len(self.records)
        start, end = self.bounds(prefix)
        return end - start

    def copy(self) -> Shelf:
        other = Shelf(self.name)
        other.records = self.records.copy()
        other.keys = self.keys.copy()
        other.changed = self.changed
        return other


def shelf_name(key: str) -> str:
    """The first two path segments: ``/core/pods/`` of ``/core/pods/default/web``. A key without them is on the shelf
    ""."""
    first = key.find("/", 1)
    return key[: key.find("/", first + 1) + 1] if first > 0 else ""


#: Of prefixes, of which there are few.
_named_by = lru_cache(maxsize=1024)(shelf_name)


class Ledger:
    """``revision`` is the last change; ``oldest`` the oldest revision that can be read or watched from."""

    def __init__(
        self, *, revision: int = FIRST_REVISION, history_limit: int = HISTORY_LIMIT, history_bytes: int = HISTORY_BYTES
    ) -> None:
        self.revision = revision
        self.oldest = revision
        self._limit = history_limit
        self._limit_bytes = history_bytes
        self._history: list[Change] = []  # everything after ``oldest``
        self._bytes = 0
        self._shelves: dict[str, Shelf] = {}
        self._channels = Channels(lambda: self.revision, lambda: self.oldest)

    @property
    def watches(self) -> int:
        return len(self._channels)

    # Reading

    def get(self, key: str) -> Record | None:
        shelf = self._shelves.get(shelf_name(key))
        return shelf.records.get(key) if shelf else None

    def count(self, prefix: str) -> int:
        if prefix and _named_by(prefix) == prefix:  # all of a resource: asked at every write, mostly in vain
            shelf = self._shelves.get(prefix)
            return len(shelf.records) if shelf else 0
        return sum(shelf.count(prefix) for shelf in self._under(prefix))

    def changed(self, prefix: str) -> int:
        """As ``Store.changed``."""
        if shelf := self._shelves.get(_named_by(prefix)):
            return shelf.changed
        return max((shelf.changed for shelf in self._under(prefix)), default=0)

    def page(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """As ``Store.range``."""
        at = revision or self.revision
        self._check_readable(at)
        shelves = self._under(prefix)
        if len(shelves) == 1 and shelves[0].changed <= at:
            return self._page_of_now(shelves[0], prefix, after, limit, at)
        found = self._as_of(shelves, prefix, at)
        keys = sorted(key for key in found if key > after)
        taken = keys[:limit] if limit else keys
        return Page([found[key] for key in taken], at, len(keys) - len(taken))

    @staticmethod
    def _page_of_now(shelf: Shelf, prefix: str, after: str, limit: int, at: int) -> Page:
        start, end = shelf.bounds(prefix, after)
        stop = min(end, start + limit) if limit else end
        found = list(map(shelf.records.__getitem__, shelf.keys.between(start, stop)))
        return Page(found, at, end - stop)

    def _as_of(self, shelves: Sequence[Shelf], prefix: str, revision: int) -> dict[str, Record]:
        """Undo what came after ``revision``, newest first."""
        found: dict[str, Record] = {}
        for shelf in shelves:
            records = shelf.records
            found.update((key, records[key]) for key in shelf.keys.between(*shelf.bounds(prefix)))
        for change in reversed(self._since(revision)):
            if change.key.startswith(prefix):
                if change.previous is None:
                    found.pop(change.key, None)
                else:
                    found[change.key] = change.previous
        return found

    def _under(self, prefix: str) -> list[Shelf]:
        """The shelves that may hold keys with ``prefix``."""
        if name := shelf_name(prefix):
            exact = self._shelves.get(name)
            return [exact] if exact else []
        return [shelf for name, shelf in self._shelves.items() if name.startswith(prefix) or prefix.startswith(name)]

    def _check_readable(self, revision: int) -> None:
        if revision > self.revision:
            raise FutureRevision(self.revision)
        if revision < self.oldest:
            raise Compacted(self.oldest)

    def _since(self, revision: int) -> list[Change]:
        return self._history[bisect_right(self._history, revision, key=_revision_of) :]

    # Watching

    def watch(self, prefix: str, *, after: int = 0) -> Cursor:
        """As ``Store.watch``."""
        start = after or self.revision
        self._check_readable(start)
        return self._channels.open(prefix, start, self._history)

    def close_watches(self) -> None:
        self._channels.close()

    # Writing

    def apply(self, changes: Sequence[Change]) -> None:
        """Take one commit: all its changes become visible, then watches are woken, each once."""
        for change in changes:
            self._put(change)
            self._history.append(change)
            self._bytes += len(change.record.value)
        self.revision = changes[-1].revision
        self._channels.publish(changes)
        self._trim()

    def restore(self, record: Record) -> None:
        """Take a record that is older than the history: used while a store is opened."""
        self._put(Change(record.revision, record.key, record))

    def _put(self, change: Change) -> None:
        name = shelf_name(change.key)
        shelf = self._shelves.get(name)
        if shelf is None:
            shelf = self._shelves[name] = Shelf(name)
        shelf.put(change)

    # Forgetting

    def compact(self, revision: int) -> None:
        """Forget the history up to ``revision``; what is forgotten already stays so."""
        if revision > self.revision:
            raise FutureRevision(self.revision)
        if revision > self.oldest:
            self._forget(bisect_right(self._history, revision, key=_revision_of))
            self.oldest = revision
            self._channels.forget(revision)

    def _trim(self) -> None:
        """Keep the history within its limits; past them an eighth more goes, so that this is seldom."""
        count, size = len(self._history), self._bytes
        if count <= self._limit and size <= self._limit_bytes:
            return
        drop = max(count - self._limit, 0)
        for change in self._history[:drop]:
            size -= len(change.record.value)
        while size > self._limit_bytes and drop < count - 1:
            size -= len(self._history[drop].record.value)
            drop += 1
        drop = min(drop + self._limit // 8, count - 1)
        if drop > 0:
            self.compact(self._history[drop - 1].revision)

    def _forget(self, count: int) -> None:
        self._bytes -= sum(len(change.record.value) for change in self._history[:count])
        del self._history[:count]

    def fork(self) -> Ledger:
        """An independent copy without watches. Records are shared: they never change."""
        other = Ledger(revision=self.revision, history_limit=self._limit, history_bytes=self._limit_bytes)
        other.oldest = self.oldest
        other._history = self._history.copy()
        other._bytes = self._bytes
        other._shelves = {name: shelf.copy() for name, shelf in self._shelves.items()}
        return other
