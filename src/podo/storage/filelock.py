"""One process at a time: a lock file that says whose it is. The kernel drops the lock with the process, so it never
goes stale."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from podo.storage.contract import CannotOpen


class FileLock:
    """Held from construction to ``release``. Raises CannotOpen, with the holder's pid when it is held."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            raise CannotOpen(f"cannot write {path}: {failure.strerror}") from failure
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            pid = os.pread(self._file, 20, 0).decode(errors="replace") or "unknown"
            os.close(self._file)
            raise CannotOpen(f"{path.with_suffix('')} is in use by process {pid}") from None
        except OSError as failure:
            os.close(self._file)
            raise CannotOpen(f"cannot lock {path}: {failure.strerror}") from failure

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
