"""The thread that writes audit events: lines of JSON in a file of mode 0600 that is turned over by size, and to others
who take them (a webhook).

It never holds a request up: what waits is bounded in number and bytes, and what does not fit is dropped and counted.
What was submitted is in the file a tenth of a second later; a crash loses that much, an orderly end nothing.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from podo.apiserver.audit.entry import Entry
from podo.apiserver.audit.event import event_of
from podo.runtime.log import Logger

MOST_WAITING, MOST_BYTES = 10_000, 64 << 20
#: Events are gathered for so long.
GATHER_SECONDS = 0.1
#: As upstream's --audit-log-maxsize and --audit-log-maxbackup are mostly set.
FILE_BYTES, BACKUPS = 100 << 20, 10
STOP_SECONDS = 5.0

#: Takes the lines of some events; must not take long.
Take = Callable[[Sequence[bytes]], None]
log = Logger("podo.audit")


class Rotating:
    """A file to which lines are added; when it is full it becomes ``.1``, that ``.2``, and so on up to ``backups``."""

    def __init__(self, path: Path, most_bytes: int = FILE_BYTES, backups: int = BACKUPS) -> None:
        self._path, self._most, self._backups = path, most_bytes, backups

    def __call__(self, lines: Sequence[bytes]) -> None:
        data = b"".join(line + b"\n" for line in lines)
        if self._path.exists() and self._path.stat().st_size + len(data) > self._most:
            self._turn_over()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(data)

    def _turn_over(self) -> None:
        for number in range(self._backups - 1, 0, -1):
            former = self._path.with_name(f"{self._path.name}.{number}")
            if former.exists():
                former.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))


class Journal:
    """``start`` it, ``submit`` entries from the loop, ``stop`` it. ``written`` and ``dropped`` count events."""

    def __init__(self, take: Sequence[Take]) -> None:
        self._take = tuple(take)
        self._wanted = threading.Condition()
        self._waiting: deque[Entry] = deque()
        self._bytes = 0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.written = self.dropped = self.failed = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="podo-audit", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> None:
        size = entry.size
        if len(self._waiting) >= MOST_WAITING or self._bytes + size > MOST_BYTES:
            self.dropped += 1
            return
        self._bytes += size
        self._waiting.append(entry)
        if len(self._waiting) == 1:
            with self._wanted:
                self._wanted.notify()

    def stop(self) -> None:
        """Write what waits. Blocks, ``STOP_SECONDS`` at most."""
        if self._thread is None:
            return
        with self._wanted:
            self._stopping = True
            self._wanted.notify()
        self._thread.join(STOP_SECONDS)
        self._thread = None

    def _run(self) -> None:
        while True:
            with self._wanted:
                while not (self._waiting or self._stopping):
                    self._wanted.wait()
                if not self._stopping:
                    self._wanted.wait(GATHER_SECONDS)
                stopping = self._stopping
            self._write()
            if stopping and not self._waiting:
                return

    def _write(self) -> None:
        lines = []
        while self._waiting:
            entry = self._waiting.popleft()
            self._bytes -= entry.size
            try:
                lines.append(orjson.dumps(event_of(entry)))
            except Exception as bug:
                self.failed += 1
                log.error("an audit event cannot be written", bug)
        for take in self._take if lines else ():
            try:
                take(lines)
            except OSError as failure:
                self.failed += len(lines)
                log.error("audit events are lost", why=str(failure), events=len(lines))
        self.written += len(lines)
