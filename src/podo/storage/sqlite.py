"""The durable store: a ledger in memory in front of one SQLite file. A write is acknowledged when it is on disk.

Preconditions are checked in the loop's thread against the newest state, what is being written included; readers see a
write
when it is committed. When the disk fails, every waiting write fails with StoreFailed and the store takes no more
until it is opened again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from podo.storage import preconditions
from podo.storage.contract import (
    CannotOpen,
    Change,
    FutureRevision,
    KeyNotFound,
    Record,
    RevisionMismatch,
    Stamp,
    StoreError,
    StoreFailed,
    Write,
)
from podo.storage.ledger import HISTORY_LIMIT, Ledger
from podo.storage.logfile import JoinedRow, LogFile, Row
from podo.storage.reading import LedgerReads, StoreStats
from podo.storage.recovery import recovered
from podo.storage.sealing import Sealing, SealingProblem, without_keys
from podo.storage.stamping import unstamped
from podo.storage.writer import ListenerGone, Writer

#: When the history in memory was cut this far past what is compacted on disk, the disk follows.
DISK_LAG = 4096
#: Values that are sealed anew in one go.
RESEALED_AT_ONCE = 256


class SqliteStore(LedgerReads):
    """A ``contract.Store``. ``path``: the database; beside it lie ``-wal`` and ``.lock``, all of mode 0600.
    ``sealing``: which values are encrypted in the file."""

    def __init__(
        self, path: str | Path, stamp: Stamp, *, history_limit: int = HISTORY_LIMIT, sealing: Sealing | None = None
    ) -> None:
        self._path = Path(path)
        self._stamp = stamp
        self._history_limit = history_limit
        self._sealing = sealing
        self._ledger = Ledger(history_limit=history_limit)
        self._file: LogFile | None = None
        self._writer: Writer | None = None
        self._refusal: str | None = f"{path} is not open"
        self._assigned = 0  # the last revision given to a write
        self._waiting: deque[tuple[Change, asyncio.Future[None]]] = deque()  # in the order of their revisions
        self._rows: list[Row] = []  # of this turn of the loop
        self._pending: dict[str, Change] = {}  # the newest uncommitted write of a key
        self._refused: list[tuple[int, asyncio.Future[None]]] = []  # wait until readers can see this revision
        self._compactions: list[tuple[int, asyncio.Future[None]]] = []  # wait until the disk is compacted up to this
        self._disk_compaction = 0  # asked for
        self._scrubs: list[tuple[int, asyncio.Future[None]]] = []  # wait until the file was scrubbed so often
        self._scrubs_asked = self._scrubs_done = 0
        self._outdated: set[str] = set()  # keys whose value in the file is not sealed as it would be now
        self._commits = self._writes = 0

    @property
    def stats(self) -> StoreStats:
        return replace(super().stats, commits=self._commits, writes=self._writes)

    async def open(self) -> None:
        """Read the file, or make it. Raises CannotOpen."""
        if self._file is not None:
            return
        file, self._ledger = await asyncio.to_thread(self._load)
        self._file = file
        self._assigned = self._ledger.revision
        self._disk_compaction = file.compacted()
        call = asyncio.get_running_loop().call_soon_threadsafe
        self._writer = Writer(
            file,
            committed=lambda count: _to(call, self._committed, count),
            compacted=lambda revision: _to(call, self._compacted, revision),
            scrubbed=lambda count: _to(call, self._scrubbed, count),
            failed=lambda failure: _to(call, self._failed, failure),
        )
        self._refusal = None

    def _load(self) -> tuple[LogFile, Ledger]:
        file = LogFile(self._path)
        self._outdated.clear()
        try:
            rows = self._sealing.opened(file.rows(), self._outdated) if self._sealing else without_keys(file.rows())
            return file, recovered(file, rows, self._stamp, self._history_limit)
        except SealingProblem as problem:
            file.close()
            raise CannotOpen(f"{self._path}: {problem}") from problem
        except BaseException:
            file.close()
            raise

    @property
    def failure(self) -> str:
        return self._refusal or ""

    async def close(self) -> None:
        """Writes what waits, ends the watches, closes the file."""
        if self._file is None or self._writer is None:
            return
        self._hand_over()
        file, writer = self._file, self._writer
        self._refusal = self._refusal or f"{self._path} is closed"
        self._file = self._writer = None
        await asyncio.to_thread(writer.stop)
        self._ledger.close_watches()
        self._fail_waiting(StoreFailed(self._refusal))
        await asyncio.to_thread(file.close)

    async def create(self, key: str, value: bytes) -> Record:
        make = preconditions.created
        return await self._write(key, value, lambda newest, revision: make(key, value, newest, revision, self._stamp))

    async def update(self, key: str, value: bytes, *, expected: int = 0) -> Record:
        make = preconditions.updated
        return await self._write(
            key, value, lambda newest, revision: make(key, value, newest, expected, revision, self._stamp)
        )

    async def delete(self, key: str, *, expected: int = 0) -> Record:
        make = preconditions.deleted
        return await self._write(key, None, lambda newest, revision: make(key, newest, expected, revision, self._stamp))

    async def write_all(self, writes: Sequence[Write]) -> list[Record]:
        self._usable()
        changes: list[Change] = []
        try:
            for revision, write in enumerate(writes, self._assigned + 1):
                changes.append(preconditions.decided(write, self._newest(write.key), revision, self._stamp))
        except StoreError:
            await self._settled(*(write.key for write in writes))
            raise
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for write, change in zip(writes, changes, strict=True):
            self._hand_in(change, write.value, done, JoinedRow if change is not changes[-1] else Row)
        if changes:
            await done
        return [change.record for change in changes]

    async def compact(self, revision: int) -> None:
        """Returns when the disk has followed."""
        writer = self._usable()
        if revision > self.revision:
            raise FutureRevision(self.revision)
        self._ledger.compact(revision)
        if revision > self._disk_compaction:
            self._disk_compaction = revision
            writer.compact(revision)
            await self._listed(self._compactions, revision)

    async def is_outdated(self, key: str) -> bool:
        return key in self._outdated

    def seal_by(self, sealing: Sealing) -> None:
        """From now on seal by this; what is there is left as it is. Raises SealingProblem where that could not be
        read any more."""
        if self._sealing is not None and (why := sealing.unreadable(self._sealing)):
            raise SealingProblem(why)
        self._sealing = sealing
        stored = (record.key for prefix in sealing.prefixes for record in self._ledger.page(prefix).records)
        self._outdated.update(stored)

    async def reseal(self, sealing: Sealing) -> int:
        """From now on seal by this; write again what is there, and leave nothing of the old forms in the file. How
        many."""
        prefixes = {*sealing.prefixes, *(self._sealing.prefixes if self._sealing else ())}
        self._sealing = sealing
        records = {record.key: record for prefix in prefixes for record in self._ledger.page(prefix).records}
        done = 0
        everything = list(records.values())
        for start in range(0, len(everything), RESEALED_AT_ONCE):
            some = everything[start : start + RESEALED_AT_ONCE]
            done += sum(await asyncio.gather(*map(self._rewrite, some)))
        end = self.revision
        if end > self._disk_compaction:  # on the disk only: watches go on from what memory has
            self._disk_compaction = end
            self._usable().compact(end)
            await self._listed(self._compactions, end)
        self._usable().scrub()
        self._scrubs_asked += 1
        await self._listed(self._scrubs, self._scrubs_asked)
        return done

    async def _rewrite(self, record: Record) -> bool:
        try:
            await self.update(record.key, unstamped(record, self._stamp), expected=record.revision)
        except (KeyNotFound, RevisionMismatch):
            return False  # written by the new rules meanwhile, or gone
        return True

    async def _write(self, key: str, value: bytes | None, decide: Callable[[Record | None, int], Change]) -> Record:
        self._usable()
        try:
            change = decide(self._newest(key), self._assigned + 1)
        except StoreError:
            await self._settled(key)
            raise
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hand_in(change, value, done, Row)
        await done  # a writer that is cancelled here has written all the same
        return change.record

    def _newest(self, key: str) -> Record | None:
        pending = self._pending.get(key)
        return self._ledger.get(key) if pending is None else None if pending.deleted else pending.record

    async def _settled(self, *keys: str) -> None:
        """What was refused because of writes that readers cannot see yet is answered when they can."""
        if revision := max((self._pending[key].revision for key in keys if key in self._pending), default=0):
            await self._listed(self._refused, revision)

    def _hand_in(self, change: Change, value: bytes | None, done: asyncio.Future[None], row: type[Row]) -> None:
        key = change.key
        self._assigned = change.revision
        self._pending[key] = change
        self._waiting.append((change, done))
        previous = change.previous.revision if change.previous else 0
        if self._sealing is not None:
            self._outdated.discard(key)
            if value is not None:
                value = self._sealing.seal(key, value)
        if not self._rows:
            # One waking of the writer a turn of the loop: each costs as much as the row, and the rows go together.
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._rows.append(row(change.revision, key, change.record.created, previous, value))

    def _hand_over(self) -> None:
        rows, self._rows = self._rows, []
        if rows and self._writer is not None:
            self._writer.append(rows)

    @staticmethod
    async def _listed(waiters: list[tuple[int, asyncio.Future[None]]], revision: int) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append((revision, done))
        await done

    def _usable(self) -> Writer:
        if self._refusal is not None or self._writer is None:
            raise StoreFailed(self._refusal or f"{self._path} is not open")
        return self._writer

    def _committed(self, count: int) -> None:
        done = [self._waiting.popleft() for _ in range(count)]
        for change, _ in done:
            if self._pending.get(change.key) is change:
                del self._pending[change.key]
        self._commits += 1
        self._writes += count
        # Before the watches are woken, so that who has written goes on first, with what watches want to know in its
        # hands. No task runs before this function ends: all find the writes done.
        for _, future in done:
            if not future.done():
                future.set_result(None)
        self._ledger.apply([change for change, _ in done])
        if self._refused:
            self._refused = _told(self._refused, self._ledger.revision)
        self._compact_behind()

    def _compact_behind(self) -> None:
        oldest = self._ledger.oldest
        if self._writer is not None and oldest - self._disk_compaction >= DISK_LAG:
            self._disk_compaction = oldest
            self._writer.compact(oldest)

    def _compacted(self, revision: int) -> None:
        self._compactions = _told(self._compactions, revision)

    def _scrubbed(self, count: int) -> None:
        self._scrubs_done += count
        self._scrubs = _told(self._scrubs, self._scrubs_done)

    def _failed(self, failure: BaseException) -> None:
        self._refusal = f"writing {self._path} failed: {failure}; the store takes no writes until it is opened again"
        self._fail_waiting(StoreFailed(self._refusal))

    def _fail_waiting(self, failure: StoreFailed) -> None:
        waiters = [future for _, future in (*self._waiting, *self._refused, *self._compactions, *self._scrubs)]
        self._waiting.clear()
        self._pending.clear()
        self._refused.clear()
        self._compactions.clear()
        self._scrubs.clear()
        for future in waiters:
            if not future.done():
                future.set_exception(failure)


def _told(waiters: list[tuple[int, asyncio.Future[None]]], revision: int) -> list[tuple[int, asyncio.Future[None]]]:
    """End the waits for what ``revision`` has reached; the others."""
    for wanted, future in waiters:
        if wanted <= revision and not future.done():
            future.set_result(None)
    return [entry for entry in waiters if not entry[1].done()]


def _to(call: Callable[..., object], function: Callable[..., None], argument: object) -> None:
    try:
        call(function, argument)
    except RuntimeError as failure:  # the loop is closed
        raise ListenerGone from failure
