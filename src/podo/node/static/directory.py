"""The directory of a node's manifests (--pod-manifest-path): which files are in it, and when they have changed.

It is looked at every second, which costs a stat a file. A change is taken up when the directory was still for one look:
so nobody runs half a file, and who writes many files at once causes one change.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

#: How often it is looked at.
LOOK_SECONDS = 1.0
#: More files than a node can have pods are of no use.
MOST_FILES = 1024
#: As large as what the API takes for one object; of a larger file so much is read that it is seen to be too large.
LARGEST_FILE = 3 * 1024 * 1024

#: By its path: what a file holds, or why it cannot be read.
Files = Mapping[str, bytes | OSError]
#: Path, inode, time of the last write and size of each file.
_State = tuple[tuple[str, int, int, int], ...]


class ManifestDirectory:
    """``path`` need not be there: then it has no files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._given: _State = ()
        self._last: _State | None = None

    def look(self) -> Files | None:
        """What the files hold, if they have changed since it was last given and were still since the look before. The
        first look gives what it finds."""
        state = self._state()
        settled = self._last is None or self._last == state
        self._last = state
        if not settled or state == self._given:
            return None
        self._given = state
        return {path: _read(path) for path, *_ in state}

    def _state(self) -> _State:
        """Files that begin with a dot are ignored, and what is no file."""
        try:
            with os.scandir(self._path) as entries:
                paths = sorted(entry.path for entry in entries if not entry.name.startswith("."))
        except OSError:
            return ()
        return tuple(filter(None, map(_state_of, paths[:MOST_FILES])))


def _state_of(path: str) -> tuple[str, int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None  # it has just gone
    if not stat.S_ISREG(found.st_mode):
        return None
    return path, found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: str) -> bytes | OSError:
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as problem:
        return problem
