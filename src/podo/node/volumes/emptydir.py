"""emptyDir volumes: a directory, or a tmpfs where the medium is Memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from podo.api.kind import Obj
from podo.node.volumes import mounting
from podo.values import quantity

#: More files and directories than this are not looked at in one go.
MOST_ENTRIES = 100_000


def prepare(directory: Path, source: Obj, group: int | None) -> None:
    """Make it once. ``sizeLimit`` bounds a tmpfs; on disk it is a matter of eviction."""
    directory.mkdir(parents=True, exist_ok=True)
    if source.get("medium") == "Memory" and not os.path.ismount(directory):
        limit = source.get("sizeLimit")
        size = quantity.as_int(str(limit)) if limit else 0
        mounting.mount_tmpfs(directory, f"size={size}" if size else "")
    mode = 0o777
    if group is not None:
        os.chown(directory, -1, group)
        mode = 0o2777
    directory.chmod(mode)


def is_larger(directory: Path, limit: str) -> bool:
    """Do the files below take more of the disk than ``limit`` (a quantity)? Of very many, the first are counted."""
    room = quantity.as_int(limit)
    for size in islice(_sizes(directory), MOST_ENTRIES):
        room -= size
        if room < 0:
            return True
    return False


def _sizes(directory: Path) -> Iterator[int]:
    """What each entry below takes of the disk; a directory nothing. One that goes meanwhile is passed over."""
    waiting = [str(directory)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    yield 0
                else:
                    yield _size(entry)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0  # it went a moment ago
