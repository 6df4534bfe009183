"""Reading container logs as the runtime wrote them: ``TIME stdout|stderr F|P text`` a line (CRI logging format).

The end of a file is found from behind; following sees rotation (rename, then a new file of the same name).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from podo.http.message import Writer
from podo.runtime.tasks import sleep

_BLOCK = 64 * 1024
#: Longest raw line: runtimes cut at 16 KiB and write P lines.
_LINE = 1024 * 1024
#: How long a follower waits before it looks again.
FOLLOW_SECONDS = 0.1
#: Bytes sent but not taken by the client before the reader waits.
_AHEAD = 256 * 1024


@dataclass(frozen=True, slots=True)
class LogOptions:
    """``PodLogOptions``. ``since``: wall seconds; ``stream``: "All", "Stdout" or "Stderr"."""

    follow: bool = False
    tail_lines: int | None = None
    since: float | None = None
    timestamps: bool = False
    limit_bytes: int | None = None
    stream: str = "All"


class Selection:
    """Turns raw lines into what is sent; pure. ``full`` once ``limit_bytes`` are reached."""

    def __init__(self, options: LogOptions) -> None:
        self._since = options.since
        self._timestamps = options.timestamps
        self._left = options.limit_bytes
        self._stream = b"" if options.stream == "All" else options.stream.lower().encode()
        self._in_line: dict[bytes, bool] = {}  # stream -> its last line was partial
        self.full = self._left == 0

    def text(self, raw: bytes) -> bytes:
        """What to send of one raw line (without its newline); b"" for nothing."""
        parts = raw.split(b" ", 3)
        if len(parts) < 3:
            return b""  # not of a runtime: a line torn by a crash
        time, stream, tags = parts[:3]
        if self._stream and stream != self._stream:
            return b""
        continued = self._in_line.get(stream, False)
        partial = tags.split(b":", 1)[0] == b"P"
        self._in_line[stream] = partial
        if self._since is not None:
            if (at := wall_seconds(time)) is None or at < self._since:
                return b""
            self._since = None  # lines are in order: the rest is younger
        text = (parts[3] if len(parts) == 4 else b"") + (b"" if partial else b"\n")
        if self._timestamps and not continued:
            text = time + b" " + text
        return self._cut(text)

    def _cut(self, text: bytes) -> bytes:
        if self._left is None:
            return text
        text = text[: self._left]
        self._left -= len(text)
        self.full = self._left == 0
        return text


def wall_seconds(time: bytes | str) -> float | None:
    """An RFC 3339 time as wall seconds; None if it is none."""
    try:
        text = time.decode("ascii") if isinstance(time, bytes) else time
        at = datetime.fromisoformat(text)
    except (ValueError, UnicodeDecodeError):
        return None
    return at.timestamp() if at.tzinfo else None


def tail_start(file: BinaryIO, lines: int) -> int:
    """Where the last ``lines`` lines of a file begin, reading from behind."""
    at = file.seek(0, os.SEEK_END)
    if lines <= 0:
        return at
    missing = lines + 1  # the newline before the first of them
    last = at
    while at > 0:
        size = min(_BLOCK, at)
        at -= size
        file.seek(at)
        block = file.read(size)
        if at + size == last and not block.endswith(b"\n"):
            missing -= 1  # an unfinished line counts
        end = len(block)
        while (newline := block.rfind(b"\n", 0, end)) >= 0:
            missing -= 1
            if missing == 0:
                return at + newline + 1
            end = newline
    return 0


class LogFile:
    """The raw lines of one log, over rotations. Closed by ``close``."""

    def __init__(self, path: Path | str, tail_lines: int | None = None) -> None:
        self._path = Path(path)
        self._file: BinaryIO = self._path.open("rb")
        self._rest = b""
        self._file.seek(tail_start(self._file, tail_lines) if tail_lines is not None else 0)

    def close(self) -> None:
        self._file.close()

    def lines(self) -> list[bytes]:
        """The next whole lines, a block at most; nothing at the end of the file."""
        while block := self._file.read(_BLOCK):
            lines = (self._rest + block).split(b"\n")
            self._rest = lines.pop()
            if len(self._rest) > _LINE:
                self._rest = b""
            if lines:
                return lines
        return []

    def follow_rotation(self) -> bool:
        """Go on with the new file if the log was rotated; was it?"""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False  # between the rename and the new file
        old = os.fstat(self._file.fileno())
        if (now.st_ino, now.st_dev) == (old.st_ino, old.st_dev):
            if now.st_size < self._file.tell():  # truncated in place
                self._file.seek(0)
                self._rest = b""
                return True
            return False
        fresh = self._path.open("rb")
        self._file.close()
        self._file, self._rest = fresh, b""
        return True


async def send_log(log: LogFile, options: LogOptions, writer: Writer, running: Callable[[], bool]) -> None:
    """Write ``log`` to ``writer`` and close it; with ``follow`` until the container has ended (``running`` tells)."""
    selection = Selection(options)
    try:
        while not selection.full and not writer.closed:
            # Asked before reading: what a container wrote before it ended is then read for sure.
            alive = options.follow and running()
            if lines := log.lines():
                await _send(lines, selection, writer)
            elif options.follow and log.follow_rotation():
                continue
            elif alive:
                await sleep(FOLLOW_SECONDS)
            else:
                return
    finally:
        log.close()


async def _send(lines: list[bytes], selection: Selection, writer: Writer) -> None:
    texts = []
    for line in lines:
        if text := selection.text(line):
            texts.append(text)
        if selection.full:
            break
    writer.write_all(texts)
    if writer.buffered > _AHEAD:
        await writer.drain()
    else:
        await sleep(0)  # others have their turn
