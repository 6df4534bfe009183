"""hostPath volumes: a path of the machine, after a look at what it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from podo.node.environment import ConfigProblem

_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def prepare(path: str, kind: str) -> None:
    """Make what is to be made, and check the type. Raises ConfigProblem."""
    if not kind:
        return
    if kind not in _CHECKS:
        raise ConfigProblem(f"unknown hostPath type {kind}")
    if not os.path.lexists(path):
        _make(path, kind)
    is_it, name = _CHECKS[kind]
    try:
        mode = os.stat(path).st_mode
    except OSError:
        raise ConfigProblem(f"hostPath type check failed: {path} is not {name}") from None
    if not is_it(mode):
        raise ConfigProblem(f"hostPath type check failed: {path} is not {name}")


def _make(path: str, kind: str) -> None:
    try:
        if kind == "DirectoryOrCreate":
            os.makedirs(path, 0o755)
        elif kind == "FileOrCreate":
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    except OSError as failure:
        raise ConfigProblem(f"hostPath {path} cannot be made: {failure.strerror}") from failure
