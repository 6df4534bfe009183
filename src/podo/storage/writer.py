"""Group commit: one thread writes everything that waits as one transaction. Idle, it sleeps on a condition without a
timer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

from podo.runtime.log import Logger
from podo.storage.logfile import BATCH, JoinedRow, LogFile, Row

#: Revisions of one compaction step, so that it does not hold writes up for long.
COMPACTION_STEP = 2000

log = Logger("podo.storage")


class ListenerGone(Exception):
    """Raised by a callback: nobody is left to be told."""


class Writer:
    """The only user of ``file`` while it runs. The callbacks are called in the writer's thread, in order; they
    may
    raise ListenerGone.
    """

    def __init__(
        self,
        file: LogFile,
        *,
        committed: Callable[[int], None],  # so many more rows, from the oldest on, are durable
        compacted: Callable[[int], None],  # up to this revision
        scrubbed: Callable[[int], None],  # so many askings are answered
        failed: Callable[[BaseException], None],  # the last call: nothing more is written
    ) -> None:
        self._file = file
        self._committed, self._compacted, self._scrubbed, self._failed = committed, compacted, scrubbed, failed
        self._wanted = threading.Condition()
        self._rows: list[Row] = []
        self._done_to = self._compact_to = file.compacted()
        self._scrubs = 0  # asked for
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="podo-store-writer", daemon=True)
        self._thread.start()

    def append(self, rows: Sequence[Row]) -> None:
        """Called in the loop's thread; rows are committed in the order of the calls."""
        with self._wanted:
            self._rows += rows
            if len(self._rows) == len(rows):
                self._wanted.notify()

    def compact(self, revision: int) -> None:
        with self._wanted:
            self._compact_to = max(self._compact_to, revision)
            self._wanted.notify()

    def scrub(self) -> None:
        """Leave nothing of what was compacted in the file."""
        with self._wanted:
            self._scrubs += 1
            self._wanted.notify()

    def stop(self) -> None:
        """Write what waits, then end. Blocks."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wait():
                self._write_batch()
                self._compact_step()
                self._scrub()
        except ListenerGone:
            log.error("the store's event loop was closed before the store")
        except BaseException as failure:
            with suppress(ListenerGone):
                self._failed(failure)

    def _wait(self) -> bool:
        with self._wanted:
            while not (self._rows or self._stopping or self._compact_to > self._done_to or self._scrubs):
                self._wanted.wait()
            return bool(self._rows) or not self._stopping

    def _write_batch(self) -> None:
        with self._wanted:
            batch = list(islice(self._rows, BATCH))
            while batch and isinstance(batch[-1], JoinedRow):  # of few rows: some are left
                batch.pop()
            del self._rows[: len(batch)]
        if batch:
            self._file.append(batch)
            self._committed(len(batch))

    def _compact_step(self) -> None:
        if self._compact_to > self._done_to:
            end = min(self._compact_to, self._done_to + COMPACTION_STEP)
            self._file.compact(self._done_to, end)
            self._done_to = end
            self._compacted(end)

    def _scrub(self) -> None:
        if self._compact_to > self._done_to:
            return
        with self._wanted:
            asked, self._scrubs = self._scrubs, 0
        if asked:
            self._file.scrub()
            self._scrubbed(asked)
