"""emptyDir volumes: a directory, or a tmpfs where the medium is Memory."""

from __future__ import annotations

import os
from pathlib import Path

from podo.api.kind import Obj
from podo.node.volumes import mounting
from podo.values import quantity

#: More files than this are not looked at in one go.
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
    entries = MOST_ENTRIES
    for folder, _, names in os.walk(directory):
        for name in names:
            room -= _size(os.path.join(folder, name))
            entries -= 1
            if room < 0 or not entries:
                return room < 0
    return False


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:
        return 0  # it went a moment ago
