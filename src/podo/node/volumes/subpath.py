"""subPath: a part of a volume, bound to a place of its own so that no link inside the volume can lead a container out
of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from podo.node.environment import ConfigProblem
from podo.node.volumes import mounting

DIRECTORY_MODE = 0o750


def bind_part(volume: Path, part: str, target: Path) -> None:
    """Bind ``part`` of ``volume`` on ``target``; a directory is made where there is nothing. Raises ConfigProblem."""
    if part.startswith("/") or ".." in part.split("/"):
        raise ConfigProblem(f"subPath {part!r} must be relative and must not contain '..'")
    root = os.open(volume, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = _open_or_make(root, part)
    except OSError as failure:
        raise ConfigProblem(f"failed to prepare subPath {part!r}: {failure.strerror}") from failure
    finally:
        os.close(root)
    try:
        _make_target(target, is_directory=os.path.isdir(f"/proc/self/fd/{found}"))
        if target in mounting.mounts_below(target):
            mounting.unmount(target)
        mounting.bind(f"/proc/self/fd/{found}", target)
    finally:
        os.close(found)


def _open_or_make(root: int, part: str) -> int:
    try:
        return mounting.open_beneath(root, part, os.O_PATH)
    except FileNotFoundError:
        pass
    done = ""
    for name in part.split("/"):
        parent = mounting.open_beneath(root, done or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.mkdir(name, DIRECTORY_MODE, dir_fd=parent)
        except FileExistsError:
            pass
        finally:
            os.close(parent)
        done = f"{done}/{name}" if done else name
    return mounting.open_beneath(root, part, os.O_PATH)


def _make_target(target: Path, is_directory: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_directory:
        target.mkdir(exist_ok=True)
    else:
        target.touch()
