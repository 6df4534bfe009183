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
    """Both kinds of cluster at the same time: idle, they do not disturb each other."""
    with running("simulated") as simulated, running("containerd") as real, floor(simulated) as least:
        clusters = {"simulated": simulated, "containerd": real}
        time.sleep(SETTLE)
        for runtime, cluster in clusters.items():
            yield from _memory(runtime, cluster, machine.memory(least.pid)[0])
        yield from _cpu(clusters)
        yield from _fsyncs(clusters)


def _memory(runtime: str, cluster: Cluster, least: float) -> Iterator[Figure]:
    found = {name: machine.memory(pid) for name, pid in cluster.own_pids().items()}
    told = ", ".join(f"{name} {pss:.0f}" for name, (pss, _) in found.items())
    pss, rss = sum(pss for pss, _ in found.values()), sum(rss for _, rss in found.values())
    yield Figure(f"{runtime}: idle memory, PSS", pss, "MB", least, "the floor server", target=MEMORY_TARGET, note=told)
    told = ", ".join(f"{name} {rss:.0f}" for name, (_, rss) in found.items())
    yield Figure(f"{runtime}: idle memory, RSS", rss, "MB", target=MEMORY_TARGET, note=told)


def _cpu(clusters: dict[str, Cluster]) -> Iterator[Figure]:
    pids = {(runtime, name): pid for runtime, one in clusters.items() for name, pid in one.own_pids().items()}
    before, began = {key: machine.cpu_seconds([pid]) for key, pid in pids.items()}, time.monotonic()
    time.sleep(WATCHED)
    spent = {key: machine.cpu_seconds([pid]) - before[key] for key, pid in pids.items()}
    seconds = time.monotonic() - began
    for runtime in clusters:
        own = {name: cpu for (which, name), cpu in spent.items() if which == runtime}
        told = ", ".join(f"{name} {cpu / seconds * 100:.2f}" for name, cpu in own.items())
        cpu = sum(own.values())
        yield Figure(f"{runtime}: idle CPU", cpu / seconds * 100, "% core", wall=seconds, cpu=cpu, note=told)


def _fsyncs(clusters: dict[str, Cluster]) -> Iterator[Figure]:
    """Counted by strace, in a time of their own: it slows what it watches."""
    with tempfile.TemporaryDirectory() as directory:
        traces = {runtime: _trace(one, Path(directory) / runtime) for runtime, one in clusters.items()}
        time.sleep(WATCHED)
        for runtime, trace in traces.items():
            trace.terminate()
            trace.wait()
            count = (Path(directory) / runtime).read_text().count("sync(")
            yield Figure(f"{runtime}: idle fsyncs", count / WATCHED * 10, "/10 s")


def _trace(cluster: Cluster, out: Path) -> subprocess.Popen[bytes]:
    watched = [option for pid in cluster.own_pids().values() for option in ("-p", str(pid))]
    argv = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(out), *watched]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
