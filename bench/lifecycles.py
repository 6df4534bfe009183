"""1,000 pods through their lives on simulated nodes: created, scheduled, run, deleted, gone. Simulated nodes live in
the server's process: their work is in its CPU time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import orjson

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.pod import NAME, encoded
from bench.requests import PODS
from bench.waiting import until
from bench.wire import Connection, connect, delete, fetch, get, load, post

COUNT, NODES, AT_ONCE = 1000, 10, 16
PATIENCE = 60.0
TARGET = 0.75


def measure() -> Iterator[Figure]:
    with running("simulated", NODES) as cluster:
        yield from asyncio.run(_measure(cluster))


async def _measure(cluster: Cluster) -> list[Figure]:
    tls, pid = cluster.tls(), cluster.pids()["server"]
    connections = [await connect(cluster.port, tls) for _ in range(AT_ONCE)]
    progress = _Progress()
    await progress.start(cluster, await connect(cluster.port, tls, progress.came))
    names = [NAME.format(number) for number in range(COUNT)]
    requests = [post(PODS, encoded(number, scheduler="default-scheduler")) for number in range(COUNT)]
    before, began = machine.cpu_seconds([pid]), time.perf_counter()
    await load(connections, iter(requests), 201)
    posted = machine.cpu_seconds([pid]) - before
    await progress.reach(lambda: len(progress.running) == COUNT)
    ran, ran_at = machine.cpu_seconds([pid]) - before, time.perf_counter() - began
    await load(connections, (delete(f"{PODS}/{name}") for name in names), 200)
    await progress.reach(lambda: len(progress.gone) == COUNT)
    cpu, seconds = machine.cpu_seconds([pid]) - before, time.perf_counter() - began
    left = orjson.loads(await fetch(connections[0], PODS))["items"]
    if left:
        raise Void(f"{len(left)} pods are left")
    note = f"of it creation {posted:.2f}"
    return [
        Figure(f"CPU, {COUNT} pods created -> Running", ran, "s", wall=ran_at, cpu=ran, note=note),
        Figure(f"CPU, {COUNT} pod lifecycles", cpu, "s", wall=seconds, cpu=cpu, target=TARGET, note="nodes included"),
    ]


class _Progress:
    """What a watch has said of the pods."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.gone: set[str] = set()
        self._rest = b""
        self._changed = asyncio.Event()

    async def start(self, cluster: Cluster, connection: Connection) -> None:
        self._watch = connection.ask(get(f"{PODS}?watch=true"))
        await asyncio.sleep(0.2)

    def came(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            event = orjson.loads(line)
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                self.gone.add(name)
            elif event["object"]["status"].get("phase") == "Running":
                self.running.add(name)
        self._changed.set()

    async def reach(self, reached: Callable[[], bool]) -> None:
        await until(reached, self._changed, PATIENCE, lambda: f"{len(self.running)} running, {len(self.gone)} gone")
