"""What this process takes of its machine, as metrics under the names that all Prometheus clients give them."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterable
from pathlib import Path

from podo.runtime.metrics import Family, counter, gauge

_SELF = Path("/proc/self")
_START_TICKS, _RESIDENT, _VIRTUAL = 19, 21, 20  # positions in /proc/self/stat behind the name (proc_pid_stat(5))


def families() -> Iterable[Family]:
    """CPU and garbage collection everywhere; memory, files and the start where there is a /proc."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield _counter("process_cpu_seconds_total", "CPU time of this process.", usage.ru_utime + usage.ru_stime)
    rows = [((str(generation),), float(stats["collections"])) for generation, stats in enumerate(gc.get_stats())]
    yield counter("python_gc_collections_total", "Garbage collections.", ("generation",), rows)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield _gauge("process_max_fds", "Files that may be open.", soft)
    try:
        fields = (_SELF / "stat").read_text().rpartition(")")[2].split()
        files = len(os.listdir(_SELF / "fd"))
        booted = _booted()
    except (OSError, ValueError, StopIteration):
        return
    yield _gauge("process_open_fds", "Files that are open.", files)
    yield _gauge("process_resident_memory_bytes", "Memory that is resident.", _pages(fields[_RESIDENT]))
    yield _gauge("process_virtual_memory_bytes", "Address space.", float(fields[_VIRTUAL]))
    started = booted + int(fields[_START_TICKS]) / os.sysconf("SC_CLK_TCK")
    yield _gauge("process_start_time_seconds", "When this process was started.", started)


def _pages(text: str) -> float:
    return float(int(text) * os.sysconf("SC_PAGE_SIZE"))


def _booted() -> int:
    lines = Path("/proc/stat").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("btime")).split()[1])


def _counter(name: str, text: str, value: float) -> Family:
    return counter(name, text, (), [((), value)])


def _gauge(name: str, text: str, value: float) -> Family:
    return gauge(name, text, (), [((), value)])
