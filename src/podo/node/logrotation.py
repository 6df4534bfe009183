"""Rotation of containers' logs: at 10 MiB a log is renamed and the runtime opens a new one; five files are kept.

The defaults are the kubelet's containerLogMaxSize, containerLogMaxFiles and containerLogMonitorInterval. Older files
are not compressed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from podo.node.runtimes.contract import Container, Runtime, RuntimeFailure
from podo.runtime.clock import Clock
from podo.runtime.log import Logger

log = Logger("podo.node.logrotation")

MOST_BYTES = 10 << 20
MOST_FILES = 5
EVERY_SECONDS = 10.0
_ROTATED = re.compile(r"\.\d{8}-\d{6}(?:-\d+)?$")


def surplus(path: Path, names: Iterable[str], most_files: int) -> list[str]:
    """The rotated logs of ``path`` that go before it is rotated once more, the oldest first."""
    rotated = sorted(name for name in names if name.startswith(path.name) and _ROTATED.fullmatch(name, len(path.name)))
    kept = max(0, most_files - 2)  # beside the one to come and the one being written
    return rotated[: max(0, len(rotated) - kept)]


def rotated_name(path: Path, now: float, taken: Callable[[Path], bool]) -> Path:
    """The name of a log rotated now, which no file has yet."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    candidate, count = path.with_name(f"{path.name}.{stamp}"), 0
    while taken(candidate):
        count += 1
        candidate = path.with_name(f"{path.name}.{stamp}-{count}")
    return candidate


class LogRotation:
    """``containers`` gives those that there are; only running ones write."""

    def __init__(
        self,
        runtime: Runtime,
        containers: Callable[[], Iterable[Container]],
        clock: Clock,
        most_bytes: int = MOST_BYTES,
        most_files: int = MOST_FILES,
    ) -> None:
        self._runtime = runtime
        self._containers = containers
        self._clock = clock
        self._most_bytes = most_bytes
        self._most_files = most_files

    async def look(self) -> None:
        """Rotate every log that has become too large. What cannot be rotated is told, and tried again next time."""
        for container in list(self._containers()):
            if container.state != "running" or not container.log_path:
                continue
            path = Path(container.log_path)
            try:
                if os.stat(path).st_size >= self._most_bytes:
                    await self._rotate(container.id, path)
            except FileNotFoundError:
                continue  # it ended a moment ago
            except (OSError, RuntimeFailure) as failure:
                log.warning("log not rotated", path=str(path), why=str(failure))

    async def _rotate(self, container_id: str, path: Path) -> None:
        for name in surplus(path, os.listdir(path.parent), self._most_files):
            os.unlink(path.with_name(name))
        rotated = rotated_name(path, self._clock.now(), os.path.exists)
        os.rename(path, rotated)
        try:
            await self._runtime.reopen_log(container_id)
        except RuntimeFailure:
            if not os.access(path, os.F_OK):
                os.rename(rotated, path)  # the runtime writes to it still
            raise
