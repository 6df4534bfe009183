"""A lock on a file that the kernel gives up when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

#: How often a lock is looked for whose file others take away.
TRIES = 100


class AlreadyHeld(Exception):
    """Another process has the lock."""


@contextlib.contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock; where another process has it, wait for it or raise AlreadyHeld. Children do not inherit it. The
    directory is made where there is none; whoever holds the lock may take it away, and the lock with it."""
    descriptor = _locked(path, wait)
    try:
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path, wait: bool) -> int:
    for _ in range(TRIES):  # each but the last follows a holder who took the file away
        with contextlib.suppress(FileNotFoundError, FileExistsError):  # the directory went in this moment, or came
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as failure:
                os.close(descriptor)
                raise AlreadyHeld(str(path)) from failure
            if _is_at(descriptor, path):
                return descriptor
            os.close(descriptor)
    raise AlreadyHeld(f"{path} comes and goes")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
