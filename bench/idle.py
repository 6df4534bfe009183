"""What a cluster costs that has nothing to do: memory, CPU, durable writes."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure
from bench.floors import floor

SETTLE, WATCHED = 2.0, 11.0  # a node renews its lease every 10 seconds
MEMORY_TARGET = 200.0


def measure() -> Iterator[Figure]:
    for runtime in ("simulated", "containerd"):
        with running(runtime) as cluster, floor(cluster) as least:
            time.sleep(SETTLE)
            yield from _memory(runtime, cluster, machine.memory(least.pid)[0])
            yield from _work(runtime, cluster)


def _memory(runtime: str, cluster: Cluster, least: float) -> Iterator[Figure]:
    found = {name: machine.memory(pid) for name, pid in cluster.own_pids().items()}
    told = ", ".join(f"{name} {pss:.0f}" for name, (pss, _) in found.items())
    pss, rss = sum(pss for pss, _ in found.values()), sum(rss for _, rss in found.values())
    yield Figure(f"{runtime}: idle memory, PSS", pss, "MB", least, "the floor server", target=MEMORY_TARGET, note=told)
    told = ", ".join(f"{name} {rss:.0f}" for name, (_, rss) in found.items())
    yield Figure(f"{runtime}: idle memory, RSS", rss, "MB", target=MEMORY_TARGET, note=told)


def _work(runtime: str, cluster: Cluster) -> Iterator[Figure]:
    pids = cluster.own_pids()
    before, began = {name: machine.cpu_seconds([pid]) for name, pid in pids.items()}, time.monotonic()
    time.sleep(WATCHED)
    spent = {name: machine.cpu_seconds([pid]) - before[name] for name, pid in pids.items()}
    seconds = time.monotonic() - began
    told = ", ".join(f"{name} {cpu / seconds * 100:.2f}" for name, cpu in spent.items())
    cpu = sum(spent.values())
    yield Figure(f"{runtime}: idle CPU", cpu / seconds * 100, "% core", wall=seconds, cpu=cpu, note=told)
    yield Figure(f"{runtime}: idle fsyncs", _fsyncs(list(pids.values())) / WATCHED * 10, "/10 s")


def _fsyncs(pids: list[int]) -> int:
    """Counted by strace, in a time of their own: it slows what it watches."""
    with tempfile.NamedTemporaryFile() as out:
        watched = [option for pid in pids for option in ("-p", str(pid))]
        argv = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", out.name, *watched]
        strace = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(WATCHED)
        strace.terminate()
        strace.wait()
        return Path(out.name).read_text().count("sync(")
