"""Files that running processes look at every so often, to take up what others have put in their place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from podo.runtime.tasks import Tasks, sleep

#: Of a file: changes when it is replaced or written.
State = tuple[int, int, int]
#: Of a file that is not there.
GONE: State = (0, 0, 0)


def state_of(file: Path) -> State:
    try:
        found = file.stat()
    except OSError:
        return GONE
    return found.st_ino, found.st_mtime_ns, found.st_size


class FileLooks(ABC):
    """Looks every ``seconds``, from ``start`` to ``stop``. ``name``: of its task."""

    def __init__(self, name: str, seconds: float) -> None:
        self._seconds = seconds
        self._tasks = Tasks(name)

    def start(self) -> None:
        self._tasks.spawn(self._run(), "looking at files")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            await sleep(self._seconds)
            self.check()

    @abstractmethod
    def check(self) -> None:
        """Take up what has changed since the last look."""
