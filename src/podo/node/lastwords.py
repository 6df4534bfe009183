"""Termination messages: what a container wrote to its terminationMessagePath, or the end of its log.

Source: the documentation's "Determine the Reason for Pod Failure" (4096 bytes; the last 80 lines or 2048 bytes of the
log).
"""

from __future__ import annotations

import os
from pathlib import Path

#: The terminationMessagePolicy by which the end of the log speaks for a container that failed without a word.
FROM_LOGS = "FallbackToLogsOnError"
MOST_BYTES = 4096
MOST_LOG_BYTES = 2048
MOST_LOG_LINES = 80


def last_words(path: Path) -> str:
    """The end of the message file; "" where there is none."""
    return _tail(path, MOST_BYTES).decode("utf-8", "replace")


def last_lines(log: Path) -> str:
    """The end of a container's log, without what CRI puts before each line (``TIME stdout F text``; P: a part)."""
    lines = _tail(log, 8 * MOST_LOG_BYTES).split(b"\n")[-MOST_LOG_LINES - 1 :]
    parts = [line.split(b" ", 3) for line in lines if line.count(b" ") >= 3]
    texts = [text if tag.startswith(b"P") else text + b"\n" for _, _, tag, text in parts]
    return b"".join(texts)[-MOST_LOG_BYTES:].decode("utf-8", "replace")


def _tail(path: Path, size: int) -> bytes:
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - size))
            return stream.read(size)
    except OSError:
        return b""
