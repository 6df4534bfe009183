"""What a store promises. ``memory`` and ``sqlite`` (and later ``etcd``) pass the same suite,
``tests/contracts/test_store.py``.

Promises:

* One integer revision for the whole store: strictly increasing, taken by each commit, never reused, also after a crash.
* An acknowledged write survives ``kill -9`` and, in a durable store, power loss.
* A watch delivers every change after its revision exactly once and in order, or raises ``Compacted``.
* A read sees every write that was acknowledged before it began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

#: Puts a revision into stored bytes (``api.encoding.stamp``). A store keeps values unstamped at rest and gives them
#: out stamped,
#: so that a LIST is a join of ``Record.value`` and nothing is decoded to be served.
Stamp = Callable[[bytes, int], bytes]


class Record(msgspec.Struct, frozen=True):
    """One object as of one revision. ``value`` is stamped with ``revision``."""

    key: str
    value: bytes
    created: int  # revision of the create
    revision: int  # revision of the last write


class Change(msgspec.Struct, frozen=True):
    """One committed write. ``previous`` is what it replaced; ``record`` of a delete is the last value stamped with
    the delete's revision."""

    revision: int
    key: str
    record: Record
    previous: Record | None = None
    deleted: bool = False

    @property
    def created(self) -> bool:
        return self.previous is None and not self.deleted


#: ``Write.expected`` of what is to be made: there must be no such key.
NEW = -1


class Write(msgspec.Struct, frozen=True):
    """One of the writes of ``write_all``. ``value`` None deletes; ``expected``: the revision the key must be at, 0 any,
    ``NEW`` none."""

    key: str
    value: bytes | None
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a range, in key order, all as of ``revision``. ``remaining``: how many records follow the last one."""

    records: list[Record]
    revision: int
    remaining: int = 0


class StoreError(Exception):
    """Base of what a store refuses."""


class KeyExists(StoreError):
    """create: there is such a key already."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class KeyNotFound(StoreError):
    """update, delete: there is no such key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class RevisionMismatch(StoreError):
    """update, delete: the key is not at the expected revision. ``current`` is what is there."""

    def __init__(self, current: Record) -> None:
        super().__init__(current.key)
        self.key = current.key
        self.current = current


class Compacted(StoreError):
    """The history before ``oldest`` is gone: list again."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history begins at revision {oldest}")
        self.oldest = oldest


class FutureRevision(StoreError):
    """The store has not come to this revision yet. ``current``: where it is."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the store is at revision {current}")
        self.current = current


class StoreFailed(StoreError):
    """The disk (or the other side) failed: the write was not acknowledged; its fate is unknown until the store is
    opened again."""


class CannotOpen(StoreError):
    """open: the data is not usable as it is; the message says which file, why, and what to do."""


class Watch(Protocol):
    """A cursor into the log, limited to one key prefix."""

    @property
    def revision(self) -> int:
        """Every change up to here has been delivered (or does not concern the prefix): what a bookmark may say."""

    def take(self) -> list[Change]:
        """The changes since the last call, without waiting; [] if there are none. Raises Compacted when the cursor
        fell out of the history."""

    async def wait(self) -> None:
        """Return when ``take`` has something to give or to raise (or the watch is closed)."""

    def on_change(self, wake: Callable[[], None]) -> None:
        """Instead of waiting: call ``wake`` once each time changes arrive after a ``take`` that left none, and when the
        store closes."""

    def __aiter__(self) -> AsyncIterator[list[Change]]:
        """Batches of changes, without end, until closed."""

    def close(self) -> None: ...


class Store(Protocol):
    """The contract. ``expected`` is the revision the key must be at; 0 means any."""

    @property
    def revision(self) -> int:
        """The last committed revision that readers can see."""

    @property
    def failure(self) -> str:
        """Why no write would be taken now; "" while all is well."""

    @property
    def oldest(self) -> int:
        """The oldest revision that can still be read or watched from."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def get(self, key: str) -> Record | None: ...

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Records whose key starts with ``prefix`` and sorts after ``after``; ``limit`` 0 is all; ``revision`` 0 is
        now.

        Raises Compacted or FutureRevision for a revision that cannot be read.
        """

    async def create(self, key: str, value: bytes) -> Record:
        """Raises KeyExists."""

    async def update(self, key: str, value: bytes, *, expected: int = 0) -> Record:
        """Raises KeyNotFound or RevisionMismatch."""

    async def delete(self, key: str, *, expected: int = 0) -> Record:
        """The last value, stamped with the revision of the delete. Raises KeyNotFound or RevisionMismatch."""

    async def write_all(self, writes: Sequence[Write]) -> list[Record]:
        """A few writes, each of a key of its own, all of them or none, whatever happens: in this order, each with a
        revision of its own, and readers see them in the same moment. Raises what the first that is refused would."""

    async def is_outdated(self, key: str) -> bool:
        """Would what the key has be stored in another form if it was written again (under another key, say)?"""

    def watch(self, prefix: str, *, after: int = 0) -> Watch:
        """Changes with a revision greater than ``after`` (0: from now on). Raises Compacted or FutureRevision."""

    def count(self, prefix: str) -> int:
        """How many keys start with ``prefix``."""

    def changed(self, prefix: str) -> int:
        """A revision that is different when something below ``prefix`` may have changed: what was made of all of it
        can be kept until then. The prefix of one resource tells most; 0 where nothing has ever been."""

    async def compact(self, revision: int) -> None:
        """Forget the history before ``revision``; current values stay."""
