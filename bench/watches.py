"""One event to 500 watchers: what a delivery costs the server, and how long after the write it arrives."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator

import uvloop

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.floors import Floor, floor
from bench.pod import encoded
from bench.requests import Side
from bench.wire import DEADLINE, Connection, connect, get, post

WATCHERS, EVENTS = 500, 40
DELIVERY_TARGET = 5.0
OBJECTS = "/api/v1/namespaces/default/pods"
#: Between events, so that each is delivered alone.
PAUSE = 0.01


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster, floor(cluster) as least:
        yield from uvloop.run(_measure(cluster, least))


async def _measure(cluster: Cluster, least: Floor) -> list[Figure]:
    tls, pid = cluster.tls(), cluster.pids()["server"]
    memory = machine.memory(pid)[1]
    ours = await _Fan.open(lambda each: connect(cluster.port, tls, each), f"{OBJECTS}?watch=true")
    each = (machine.memory(pid)[1] - memory) / WATCHERS * 1e3
    writer = await connect(cluster.port, tls)
    mine = await ours.run(pid, writer, [post(OBJECTS, encoded(number)) for number in range(EVENTS)], 201)
    bare = await _Fan.open(lambda each: connect(least.port, tls, each), "/watch")
    floor_writer = await connect(least.port, tls)
    body = b'{"type":"ADDED","object":' + encoded(0) + b"x" * 700 + b"}\n"
    theirs = await bare.run(least.pid, floor_writer, [post("/event", body)] * EVENTS, 200)
    fast = await asyncio.to_thread(Side(least.pid, least.port, tls).speed)
    floor_is = "TLS, one write a watcher"
    late = "client's 500 reads included"
    return [
        Figure(
            f"CPU of a delivery, {WATCHERS} watchers",
            mine[0],
            "us",
            theirs[0],
            floor_is,
            mine[3],
            mine[4],
            DELIVERY_TARGET,
            note="write included",
            speed=fast,
        ),
        Figure("write -> watcher, p50", mine[1], "ms", theirs[1], floor_is, note=late),
        Figure("write -> watcher, p99", mine[2], "ms", theirs[2], floor_is, note=late),
        Figure("deliveries a CPU second", 1e6 / mine[0], "", 1e6 / theirs[0], floor_is),
        Figure("memory of an idle watcher", each, "kB"),
    ]


class _Fan:
    """Many watchers in this process. Each counts events (lines) and says when they came."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self._wanted = 0
        self._all = asyncio.Event()

    @classmethod
    async def open(cls, connecting: Callable[[Callable[[bytes], None]], Awaitable[Connection]], path: str) -> _Fan:
        fan = cls()
        for _ in range(WATCHERS):
            connection = await connecting(fan._came)
            connection.ask(get(path))
        await asyncio.sleep(0.5)  # a watch without objects says nothing when it has begun
        return fan

    def _came(self, piece: bytes) -> None:
        now = time.perf_counter()
        for _ in range(piece.count(b"\n")):
            self.arrivals.append(now)
        if len(self.arrivals) >= self._wanted:
            self._all.set()

    async def run(
        self, pid: int, writer: Connection, events: list[bytes], expected: int
    ) -> tuple[float, float, float, float, float]:
        """CPU us a delivery, p50 and p99 in ms, and the wall and CPU seconds of all."""
        late: list[float] = []
        self.arrivals.clear()
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
        return cpu / len(late) * 1e6, cuts[49] * 1e3, cuts[98] * 1e3, seconds, cpu
