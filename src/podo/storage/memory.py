"""A store in memory: each write is committed at once and gone with the process. For the lab, and for clusters that
may be lost."""

from __future__ import annotations

from collections.abc import Sequence

from podo.storage import preconditions
from podo.storage.contract import Change, Record, Stamp, Write
from podo.storage.ledger import HISTORY_LIMIT, Ledger
from podo.storage.reading import LedgerReads


class MemoryStore(LedgerReads):
    """A ``contract.Store``. ``history_limit``: how many changes are kept for watches and reads at a revision."""

    def __init__(self, stamp: Stamp, *, history_limit: int = HISTORY_LIMIT) -> None:
        self._stamp = stamp
        self._ledger = Ledger(history_limit=history_limit)

    async def open(self) -> None:
        """Nothing to do: it is open."""

    async def close(self) -> None:
        """Ends the watches."""
        self._ledger.close_watches()

    async def create(self, key: str, value: bytes) -> Record:
        ledger = self._ledger
        return self._commit(preconditions.created(key, value, ledger.get(key), ledger.revision + 1, self._stamp))

    async def update(self, key: str, value: bytes, *, expected: int = 0) -> Record:
        ledger = self._ledger
        newest = ledger.get(key)
        return self._commit(preconditions.updated(key, value, newest, expected, ledger.revision + 1, self._stamp))

    async def delete(self, key: str, *, expected: int = 0) -> Record:
        ledger = self._ledger
        return self._commit(preconditions.deleted(key, ledger.get(key), expected, ledger.revision + 1, self._stamp))

    async def write_all(self, writes: Sequence[Write]) -> list[Record]:
        ledger = self._ledger
        revisions = range(ledger.revision + 1, ledger.revision + 1 + len(writes))
        changes = [
            preconditions.decided(write, ledger.get(write.key), revision, self._stamp)
            for write, revision in zip(writes, revisions, strict=True)
        ]
        if changes:
            ledger.apply(changes)
        return [change.record for change in changes]

    async def compact(self, revision: int) -> None:
        self._ledger.compact(revision)

    def fork(self) -> MemoryStore:
        """An independent store with the same records, history and revision, and no watches."""
        other = MemoryStore(self._stamp)
        other._ledger = self._ledger.fork()
        return other

    def _commit(self, change: Change) -> Record:
        self._ledger.apply((change,))
        return change.record
