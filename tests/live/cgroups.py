"""The machine's control groups, of either version. Those of others come and go while one looks: what is gone by then is
passed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def named(matches: Callable[[str], bool], below: Callable[[str], bool] = lambda path: True) -> list[Path]:
    """The directories of every hierarchy whose name matches; ``below``: what must hold for the path above them."""
    found = []
    for parent, names, _ in os.walk(ROOT):
        if below(parent):
            found += [Path(parent, name) for name in names if matches(name)]
    return found


def pids(directory: Path) -> list[int]:
    """Of the processes in this one, lowest first."""
    try:
        return sorted(int(pid) for pid in directory.joinpath("cgroup.procs").read_text().split())
    except OSError:
        return []
