"""One event to 500 watchers: what a delivery costs the server, and how long after the write it arrives. Over HTTP/1.1,
where each watcher has a connection, and over HTTP/2, where clients have one for all of theirs, as Go's do.

A write is sent when all have the event before it, so each is delivered alone. Many short rounds, each with the same
events from the least server, the same writes where nobody watches, and the machine's speed before and after: the round
with the median cost is told. What a delivery costs is what the watchers add: the cost of the writes where nobody
watches is taken off, since a write has a figure of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvloop

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.floors import Floor, floor
from bench.pod import NAME, encoded
from bench.reference import speed
from bench.wire import DEADLINE, Connection, connect, fetch, get, load, post
from bench.wire_h2 import connect_h2

WATCHERS, EVENTS, ROUNDS, SPEED_GETS = 500, 10, 15, 1000
#: Connections of HTTP/2 that the watchers share: a few clients with many watches, many with a few.
SHARED = (2, 25)
DELIVERY_TARGET = 5.0
OBJECTS, UNWATCHED = (f"/api/v1/namespaces/{name}/pods" for name in ("default", "unwatched"))
WATCH = f"{OBJECTS}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
#: At the end of a round, for what the server still does because of it.
SETTLE = 0.02
FLOOR_IS = "TLS, the same bytes, one write a watcher"


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster, floor(cluster) as least:
        bench = _Bench(cluster, least)
        for shared in (0, *SHARED):
            over = f"HTTP/2, {shared} connections" if shared else "HTTP/1.1"
            rounds, memory = uvloop.run(bench.rounds(shared))
            yield from _figures(over, rounds, DELIVERY_TARGET if shared else None)
            yield Figure(f"memory of an idle watcher, {over}", memory, "kB")


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
    """``write``: CPU us of a write that nobody watches. ``speed``: the machine's meanwhile."""

    ours: Cost
    bare: Cost
    write: float
    speed: float

    @property
    def delivery(self) -> float:
        return self.ours.each - self.write / WATCHERS

    @property
    def normal(self) -> float:
        return self.delivery * self.speed


def _figures(over: str, rounds: list[Round], target: float | None) -> Iterator[Figure]:
    """The floor and the write as they would have been at the speed of the round that is told."""
    middle = sorted(rounds, key=lambda one: one.normal)[len(rounds) // 2]
    mine, fast = middle.ours, middle.speed
    bare = statistics.median(one.bare.each * one.speed for one in rounds) / fast
    write = statistics.median(one.write * one.speed for one in rounds) / WATCHERS
    p50 = statistics.median(one.bare.p50 for one in rounds)
    p99 = statistics.median(one.bare.p99 for one in rounds)
    low, _, high = statistics.quantiles((one.normal for one in rounds), n=4)
    late = "client's 500 reads included"
    name = f"CPU of a delivery, {over}"
    yield Figure(
        *(name, middle.delivery, "us", bare, FLOOR_IS, mine.seconds, mine.cpu, target),
        note=f"{WATCHERS} watchers; half of the rounds {low:.1f} to {high:.1f} at ref.; the write is {write:.1f} more",
        speed=fast,
    )
    yield Figure(f"write -> watcher, p50, {over}", mine.p50, "ms", p50, FLOOR_IS, note=late)
    yield Figure(f"write -> watcher, p99, {over}", mine.p99, "ms", p99, FLOOR_IS, note=late)
    rate = f"deliveries a CPU second with the writes, {over}"
    yield Figure(rate, 1e6 / mine.each, "", 1e6 / bare, FLOOR_IS, speed=fast, least=True)


class _Bench:
    def __init__(self, cluster: Cluster, least: Floor) -> None:
        self._cluster = cluster
        self._least = least
        self._tls = cluster.tls()
        self._pid = cluster.pids()["server"]
        self._number = itertools.count()

    async def rounds(self, shared: int) -> tuple[list[Round], float]:
        """And the memory of a watcher in kB. ``shared``: connections of HTTP/2, or 0."""
        writer = await connect(self._cluster.port, self._tls)
        event = await self._event(writer)
        memory = machine.memory(self._pid)[1]
        fan = await self._fan(self._cluster.port, WATCH, shared)
        memory = (machine.memory(self._pid)[1] - memory) / WATCHERS * 1e3
        bare = await self._fan(self._least.port, "/watch", shared)
        teller = await connect(self._least.port, self._tls)
        gets = [await connect(self._least.port, self._tls) for _ in range(64)]
        found = []
        before = await self._speed(gets)
        for _ in range(ROUNDS):
            ours = await fan.run(self._pid, writer, self._posts(OBJECTS), 201)
            write = await self._write(writer)
            theirs = await bare.run(self._least.pid, teller, [event] * EVENTS, 200)
            after = await self._speed(gets)
            found.append(Round(ours, theirs, write, (before + after) / 2))
            before = after
        return found, memory

    def _posts(self, path: str) -> list[bytes]:
        return [post(path, encoded(next(self._number))) for _ in range(EVENTS)]

    async def _event(self, writer: Connection) -> bytes:
        """What tells the least server to send what ours does. Makes the place where nobody watches, too."""
        namespace = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"unwatched"}}'
        await asyncio.wait_for(writer.ask(post("/api/v1/namespaces", namespace)), DEADLINE)
        number = next(self._number)
        for _ in range(100):  # until it has its default account
            if await asyncio.wait_for(writer.ask(post(UNWATCHED, encoded(number))), DEADLINE) == 201:
                pod = await fetch(writer, f"{UNWATCHED}/{NAME.format(number)}")
                return post("/event", b'{"type":"ADDED","object":' + pod + b"}\n")
            await asyncio.sleep(0.05)
        raise Void("the namespace has no default account")

    async def _fan(self, port: int, path: str, shared: int) -> _Fan:
        fan = _Fan()
        await (fan.open_h2(port, self._cluster.tls(), path, shared) if shared else fan.open(port, self._tls, path))
        return fan

    async def _write(self, writer: Connection) -> float:
        before = machine.cpu_seconds([self._pid])
        await load([writer], iter(self._posts(UNWATCHED)), 201)
        await asyncio.sleep(SETTLE)
        return (machine.cpu_seconds([self._pid]) - before) / EVENTS * 1e6

    async def _speed(self, connections: list[Connection]) -> float:
        before = machine.cpu_seconds([self._least.pid])
        await load(connections, itertools.repeat(get("/object"), SPEED_GETS), 200)
        return speed((machine.cpu_seconds([self._least.pid]) - before) / SPEED_GETS * 1e6)


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
        await asyncio.sleep(SETTLE)
        cpu, seconds = machine.cpu_seconds([pid]) - before, time.perf_counter() - began
        if len(late) != WATCHERS * len(events):
            raise Void(f"{len(late)} deliveries, not {WATCHERS * len(events)}")
        cuts = statistics.quantiles(late, n=100)
        return Cost(cpu / len(late) * 1e6, cuts[49] * 1e3, cuts[98] * 1e3, seconds, cpu)
