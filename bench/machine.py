"""What the kernel says of processes: CPU seconds and memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of all living threads, in the scheduler's nanoseconds (process ticks are 10 ms)."""
    total = 0
    for pid in pids:
        for task in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pid: int) -> tuple[float, float]:
    """(PSS, RSS) in MB of 10^6 bytes. PSS counts a page shared by n processes as 1/n of one."""
    found = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        key, _, rest = line.partition(":")
        found[key] = int(rest.split()[0]) * 1024 / 1e6
    return found["Pss"], found["Rss"]


def command(pid: int) -> list[str]:
    return (PROC / str(pid) / "cmdline").read_bytes().decode().split("\0")[:-1]
