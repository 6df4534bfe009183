"""fsGroup: the files of a volume are given to a group that may read and write them, and new ones with them.

Source: "Configure volume permission and ownership change policy for Pods" of the Kubernetes documentation.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FILE = 0o660
_DIRECTORY = 0o770 | stat.S_ISGID


def give(root: Path, group: int, policy: str = "Always") -> None:
    """Give all below ``root`` to ``group``. ``policy`` OnRootMismatch: nothing where the root itself is as it should
    be. Links are not followed. Raises OSError."""
    if policy == "OnRootMismatch" and _is_given(os.stat(root), group):
        return
    for _, _, files, directory in os.fwalk(root, topdown=False, follow_symlinks=False):
        for name in files:
            _give(name, group, directory)
        os.fchown(directory, -1, group)
        os.fchmod(directory, stat.S_IMODE(os.fstat(directory).st_mode) | _DIRECTORY)


def _is_given(found: os.stat_result, group: int) -> bool:
    return found.st_gid == group and stat.S_IMODE(found.st_mode) & _DIRECTORY == _DIRECTORY


def _give(name: str, group: int, directory: int) -> None:
    try:
        file = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return  # it went a moment ago
    try:
        os.chown(name, -1, group, dir_fd=directory, follow_symlinks=False)
        found = os.fstat(file)
        if not stat.S_ISLNK(found.st_mode):
            os.chmod(f"/proc/self/fd/{file}", stat.S_IMODE(found.st_mode) | _FILE)
    finally:
        os.close(file)
