"""What single requests cost the server: a GET of a pod, a durable POST of one; beside the least server that can."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bench import machine
from bench.cluster import running
from bench.figure import Figure
from bench.floors import floor
from bench.pod import NAME, encoded
from bench.reference import speed
from bench.wire import Connection, connect, get, load, post

ROUNDS = 3
AT_ONCE = (1, 16, 64)
GETS = {1: 2000, 16: 6000, 64: 6000}
POSTS = {1: 600, 16: 2000, 64: 2000}
SPEED_GETS = 3000
GET_TARGET, POST_TARGET = 60.0, 300.0
PODS = "/api/v1/namespaces/default/pods"


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster, floor(cluster) as least:
        ours = Side(cluster.pids()["server"], cluster.port, cluster.tls())
        bare = Side(least.pid, least.port, ours.tls)
        asyncio.run(ours.call(1, iter([post(PODS, encoded(0))]), 201))
        one = get(f"{PODS}/{NAME.format(0)}")
        for at_once in AT_ONCE:
            count = GETS[at_once]
            mine = partial(ours.run, at_once, partial(itertools.repeat, one, count), 200)
            theirs = partial(bare.run, at_once, partial(itertools.repeat, get("/object"), count), 200)
            yield compare(f"CPU, GET of a pod, c={at_once}", GET_TARGET, "TLS, httptools, bytes", mine, theirs, bare)
        number = itertools.count(1)
        for at_once in AT_ONCE:
            mine = partial(ours.run, at_once, partial(posts, PODS, number, POSTS[at_once]), 201)
            theirs = partial(bare.run, at_once, partial(posts, "/object", number, POSTS[at_once]), 201)
            floor_is = "TLS, httptools, orjson, SQLite"
            yield compare(f"CPU, durable POST of a pod, c={at_once}", POST_TARGET, floor_is, mine, theirs, bare)


def posts(path: str, number: Iterator[int], count: int) -> Iterator[bytes]:
    """Encoded before the first is sent: the clock runs for the server only."""
    return iter([post(path, encoded(one)) for one in itertools.islice(number, count)])


class Side:
    """A server under load."""

    def __init__(self, pid: int, port: int, tls: ssl.SSLContext) -> None:
        self.pid = pid
        self.port = port
        self.tls = tls

    def run(self, at_once: int, requests: Callable[[], Iterator[bytes]], expected: int) -> Cost:
        return asyncio.run(self.call(at_once, requests(), expected))

    async def call(self, at_once: int, requests: Iterator[bytes], expected: int) -> Cost:
        connections: list[Connection] = [await connect(self.port, self.tls) for _ in range(at_once)]
        before = machine.cpu_seconds([self.pid])
        done = await load(connections, requests, expected)
        cpu = machine.cpu_seconds([self.pid]) - before
        for connection in connections:
            connection.close()
        return Cost(done.count, done.seconds, cpu, done.latencies)

    def speed(self) -> float:
        """Of the machine now; this is the least server."""
        return speed(self.run(64, partial(itertools.repeat, get("/object"), SPEED_GETS), 200).each)


@dataclass(frozen=True)
class Cost:
    count: int
    seconds: float
    cpu: float
    latencies: list[float]

    @property
    def each(self) -> float:
        """CPU of one request in microseconds."""
        return self.cpu / self.count * 1e6

    @property
    def note(self) -> str:
        cuts = statistics.quantiles(self.latencies, n=100)
        return f"{self.count / self.seconds:,.0f}/s, p50 {cuts[49] * 1e3:.2f} ms, p99 {cuts[98] * 1e3:.2f} ms"


def compare(
    name: str,
    target: float | None,
    floor_is: str,
    ours: Callable[[], Cost],
    bare: Callable[[], Cost] | None,
    least: Side,
) -> Figure:
    """Both sides in turn, with the machine's speed beside them; the round with the median cost at reference speed."""
    rounds = [(ours(), bare() if bare else None, least.speed()) for _ in range(ROUNDS)]
    mine, _, fast = sorted(rounds, key=lambda one: one[0].each * one[2])[ROUNDS // 2]
    floors = [cost.each for _, cost, _ in rounds if cost]
    theirs = statistics.median(floors) if floors else None
    return Figure(name, mine.each, "us", theirs, floor_is, mine.seconds, mine.cpu, target, note=mine.note, speed=fast)
