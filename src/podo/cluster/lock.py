"""A lock on a file that the kernel gives up when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class AlreadyHeld(Exception):
    """Another process has the lock."""


@contextlib.contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock; where another process has it, wait for it or raise AlreadyHeld. Children do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as failure:
            raise AlreadyHeld(str(path)) from failure
        yield
    finally:
        os.close(descriptor)
