"""One event to 500 watchers: what a delivery costs the server, and how long after the write it arrives. Over HTTP/1.1,
where each watcher has a connection, and over HTTP/2, where clients have one for all of theirs, as Go's do."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvloop

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.floors import Floor, floor
from bench.pod import encoded
from bench.requests import Side
from bench.wire import DEADLINE, Connection, connect, get, post
from bench.wire_h2 import connect_h2

WATCHERS, EVENTS, ROUNDS = 500, 40, 3
#: Connections of HTTP/2 that the watchers share: a few clients with many watches, many with a few.
SHARED = (2, 25)
DELIVERY_TARGET = 5.0
OBJECTS = "/api/v1/namespaces/default/pods"
WATCH = f"{OBJECTS}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
#: Between events, so that each is delivered alone.
PAUSE = 0.01
FLOOR_IS = "TLS, one write a watcher"


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster, floor(cluster) as least:
        fast = Side(least.pid, least.port, cluster.tls()).speed
        number = itertools.count()
        for shared in (0, *SHARED):
            rounds = [_round(cluster, number, shared, fast) for _ in range(ROUNDS)]
            middle = sorted(rounds, key=lambda one: one.cost.each * one.speed)[ROUNDS // 2]
            over = f"HTTP/2, {shared} connections" if shared else "HTTP/1.1"
            bare = uvloop.run(_bare(least, cluster, shared))
            yield from _figures(over, middle, bare, DELIVERY_TARGET if shared else None)
            yield Figure(f"memory of an idle watcher, {over}", rounds[0].memory, "kB")


def _round(cluster: Cluster, number: Iterator[int], shared: int, fast: Callable[[], float]) -> Round:
    """With the machine's speed before and after it."""
    events = [post(OBJECTS, encoded(next(number))) for _ in range(EVENTS)]
    before = fast()
    cost, memory = uvloop.run(_ours(cluster, events, shared))
    return Round(cost, memory, (before + fast()) / 2)


@dataclass(frozen=True)
class Cost:
    """``each``: CPU us a delivery; p50 and p99 in ms from the write to a watcher."""

    each: float
    p50: float
    p99: float
    seconds: float
    cpu: float


@dataclass(frozen=True)
class Round:
    """``memory``: of an idle watcher, in kB."""

    cost: Cost
    memory: float
    speed: float


def _figures(over: str, middle: Round, bare: Cost | None, target: float | None) -> Iterator[Figure]:
    mine, fast = middle.cost, middle.speed
    kept = (bare.each, bare.p50, bare.p99, 1e6 / bare.each) if bare else (None,) * 4
    floor_is = FLOOR_IS if bare else ""
    late = "client's 500 reads included"
    name = f"CPU of a delivery, {over}"
    yield Figure(
        *(name, mine.each, "us", kept[0], floor_is, mine.seconds, mine.cpu, target),
        note=f"{WATCHERS} watchers; write included",
        speed=fast,
    )
    yield Figure(f"write -> watcher, p50, {over}", mine.p50, "ms", kept[1], floor_is, note=late)
    yield Figure(f"write -> watcher, p99, {over}", mine.p99, "ms", kept[2], floor_is, note=late)
    yield Figure(f"deliveries a CPU second, {over}", 1e6 / mine.each, "", kept[3], floor_is, speed=fast, least=True)


async def _ours(cluster: Cluster, events: list[bytes], shared: int) -> tuple[Cost, float]:
    """What a delivery costs, and the memory of a watcher in kB. ``shared``: connections of HTTP/2, or 0."""
    tls, pid = cluster.tls(), cluster.pids()["server"]
    fan = _Fan()
    memory = machine.memory(pid)[1]
    if shared:
        await fan.open_h2(cluster.port, cluster.tls(), WATCH, shared)
    else:
        await fan.open(cluster.port, tls, WATCH)
    each = (machine.memory(pid)[1] - memory) / WATCHERS * 1e3
    return await fan.run(pid, await connect(cluster.port, tls), events, 201), each


async def _bare(least: Floor, cluster: Cluster, shared: int) -> Cost:
    fan, tls = _Fan(), cluster.tls()
    if shared:
        await fan.open_h2(least.port, cluster.tls(), "/watch", shared)
    else:
        await fan.open(least.port, tls, "/watch")
    body = b'{"type":"ADDED","object":' + encoded(0) + b"x" * 700 + b"}\n"
    return await fan.run(least.pid, await connect(least.port, tls), [post("/event", body)] * EVENTS, 200)


class _Fan:
    """Many watchers in this process, which count events (lines) and say when they came."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self._wanted = 0
        self._all = asyncio.Event()

    async def open(self, port: int, tls: ssl.SSLContext, path: str) -> None:
        """A connection of HTTP/1.1 each."""
        for _ in range(WATCHERS):
            connection = await connect(port, tls, self._came)
            connection.ask(get(path))
        await asyncio.sleep(0.5)  # a watch without objects says nothing when it has begun

    async def open_h2(self, port: int, tls: ssl.SSLContext, path: str, shared: int) -> None:
        """Streams of ``shared`` connections of HTTP/2."""
        connections = [await connect_h2(port, tls, self._came) for _ in range(shared)]
        begun = [connections[number % shared].ask(path) for number in range(WATCHERS)]
        if set(await asyncio.wait_for(asyncio.gather(*begun), DEADLINE)) != {200}:
            raise Void("a watch was refused")
        await asyncio.sleep(0.5)

    def _came(self, piece: bytes) -> None:
        now = time.perf_counter()
        for _ in range(piece.count(b"\n")):
            self.arrivals.append(now)
        if len(self.arrivals) >= self._wanted:
            self._all.set()

    async def run(self, pid: int, writer: Connection, events: list[bytes], expected: int) -> Cost:
        late: list[float] = []
        before, began = machine.cpu_seconds([pid]), time.perf_counter()
        for event in events:
            self.arrivals.clear()
            self._all.clear()
            self._wanted = WATCHERS
            sent = time.perf_counter()
            if (status := await writer.ask(event)) != expected:
                raise Void(f"the write was answered {status}")
            await asyncio.wait_for(self._all.wait(), DEADLINE)
            late += [arrival - sent for arrival in self.arrivals]
            await asyncio.sleep(PAUSE)
        cpu, seconds = machine.cpu_seconds([pid]) - before, time.perf_counter() - began
        if len(late) != WATCHERS * len(events):
            raise Void(f"{len(late)} deliveries, not {WATCHERS * len(events)}")
        cuts = statistics.quantiles(late, n=100)
        return Cost(cpu / len(late) * 1e6, cuts[49] * 1e3, cuts[98] * 1e3, seconds, cpu)
