"""What single requests cost the server: a GET of a pod, a durable POST of one; beside the least server that can."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import statistics
from collections.abc import Callable, Iterator
from functools import partial

from bench import machine
from bench.cluster import running
from bench.figure import Figure
from bench.floors import floor
from bench.pod import NAME, encoded
from bench.wire import Connection, connect, get, load, post

ROUNDS = 3
AT_ONCE = (1, 16, 64)
GETS = {1: 2000, 16: 6000, 64: 6000}
POSTS = {1: 600, 16: 2000, 64: 2000}
GET_TARGET, POST_TARGET = 80.0, 300.0
PODS = "/api/v1/namespaces/default/pods"


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster, floor(cluster) as least:
        ours = _Side(cluster.pids()["server"], cluster.port)
        bare = _Side(least.pid, least.port)
        tls = cluster.tls()
        asyncio.run(ours.call(tls, 1, iter([post(PODS, encoded(0))]), 201))
        one = get(f"{PODS}/{NAME.format(0)}")
        for at_once in AT_ONCE:
            count = GETS[at_once]
            mine = partial(ours.run, tls, at_once, partial(itertools.repeat, one, count), 200)
            theirs = partial(bare.run, tls, at_once, partial(itertools.repeat, get("/object"), count), 200)
            yield from _compare(f"GET of a pod, c={at_once}", GET_TARGET, "TLS, httptools, bytes", mine, theirs)
        number = itertools.count(1)
        for at_once in AT_ONCE:
            mine = partial(ours.run, tls, at_once, partial(_posts, PODS, number, POSTS[at_once]), 201)
            theirs = partial(bare.run, tls, at_once, partial(_posts, "/object", number, POSTS[at_once]), 201)
            floor_is = "TLS, httptools, orjson, SQLite"
            yield from _compare(f"durable POST of a pod, c={at_once}", POST_TARGET, floor_is, mine, theirs)


def _posts(path: str, number: Iterator[int], count: int) -> Iterator[bytes]:
    """Encoded before the first is sent: the clock runs for the server only."""
    return iter([post(path, encoded(one)) for one in itertools.islice(number, count)])


class _Side:
    """A server under load."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port

    def run(self, tls: ssl.SSLContext, at_once: int, requests: Callable[[], Iterator[bytes]], expected: int) -> _Cost:
        return asyncio.run(self.call(tls, at_once, requests(), expected))

    async def call(self, tls: ssl.SSLContext, at_once: int, requests: Iterator[bytes], expected: int) -> _Cost:
        connections: list[Connection] = [await connect(self.port, tls) for _ in range(at_once)]
        before = machine.cpu_seconds([self.pid])
        done = await load(connections, requests, expected)
        cpu = machine.cpu_seconds([self.pid]) - before
        for connection in connections:
            connection.close()
        return _Cost(done.count, done.seconds, cpu, statistics.median(done.latencies))


class _Cost:
    def __init__(self, count: int, seconds: float, cpu: float, latency: float) -> None:
        self.count, self.seconds, self.cpu, self.latency = count, seconds, cpu, latency


def _compare(
    name: str, target: float, floor_is: str, ours: Callable[[], _Cost], bare: Callable[[], _Cost]
) -> Iterator[Figure]:
    """Both sides in turn; the round with the median CPU a request."""
    both = [(ours(), bare()) for _ in range(ROUNDS)]
    mine = sorted((a for a, _ in both), key=lambda cost: cost.cpu / cost.count)[ROUNDS // 2]
    theirs = statistics.median(b.cpu / b.count for _, b in both) * 1e6
    note = f"{mine.count / mine.seconds:,.0f}/s, p50 {mine.latency * 1e3:.2f} ms"
    value = mine.cpu / mine.count * 1e6
    yield Figure(f"CPU, {name}", value, "us", theirs, floor_is, mine.seconds, mine.cpu, target, note=note)
