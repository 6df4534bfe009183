"""A LIST of pods beside the join of the same stored bytes: inside of the server, on a plain socket, over TLS; and the
memory that the pods take."""

from __future__ import annotations

import asyncio
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.floors import floor
from bench.pod import encoded
from bench.reference import PEER_LIST
from bench.requests import PODS, Side
from bench.wire import Connection, connect, fetch, load, post

COUNT, MANY, ROUNDS, CREATE_AT_ONCE = 5000, 10_000, 9, 32
JOIN = 'b"".join of the stored values'
#: Times the join, inside of the server; and GB per CPU second over TLS.
TARGET, TLS_TARGET = 3.0, 15 * PEER_LIST


def measure() -> Iterator[Figure]:
    for count in (COUNT, MANY):
        yield from _plain(count)
    with running("simulated") as cluster, floor(cluster) as least:
        bare = Side(least.pid, least.port, cluster.tls())
        yield from asyncio.run(_over_tls(cluster, bare))


def _plain(count: int) -> Iterator[Figure]:
    """A server without TLS, in a process of its own (``bench.plain``)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.plain", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        port = int(process.stdout.readline() or b"0")
        if not port:
            raise Void("the plain server did not start")
        process.stdin.write(b"\n")
        process.stdin.flush()
        cost = orjson.loads(process.stdout.readline())
        inside, join = cost["inside"] * 1e3, cost["join"] * 1e3
        yield Figure(f"CPU, LIST of {count} pods, no socket", inside, "ms", join, JOIN, target=TARGET, of_floor=True)
        wall, cpu, answer = asyncio.run(_fetched(port, None, process.pid, count))
        note = _rate(answer, cpu)
        yield Figure(f"CPU, LIST of {count} pods, no TLS", cpu * 1e3, "ms", join, JOIN, wall, cpu, note=note)
    finally:
        process.kill()
        process.communicate()


async def _fetched(port: int, tls: ssl.SSLContext | None, pid: int, count: int) -> tuple[float, float, bytes]:
    """Median wall and CPU seconds of a LIST, and an answer."""
    connection = await connect(port, tls)
    answer = await fetch(connection, PODS)  # the first builds what later ones have
    if (found := len(orjson.loads(answer)["items"])) != count:
        raise Void(f"{found} pods in the list, not {count}")
    walls, cpus = [], []
    for _ in range(ROUNDS):
        before, began = machine.cpu_seconds([pid]), time.perf_counter()
        await fetch(connection, PODS)
        walls.append(time.perf_counter() - began)
        cpus.append(machine.cpu_seconds([pid]) - before)
    connection.close()
    return statistics.median(walls), statistics.median(cpus), answer


def _rate(answer: bytes, cpu: float) -> str:
    return f"{len(answer) / 1e6:.1f} MB, {len(answer) / 1e9 / cpu:.2f} GB per CPU second"


async def _over_tls(cluster: Cluster, bare: Side) -> list[Figure]:
    tls, pid = cluster.tls(), cluster.pids()["server"]
    connections = [await connect(cluster.port, tls) for _ in range(CREATE_AT_ONCE)]
    before = machine.memory(pid)[1]
    figures: list[Figure] = []
    for start, end in ((0, COUNT), (COUNT, MANY)):
        await load(connections, (post(PODS, encoded(number)) for number in range(start, end)), 201)
        fast = await asyncio.to_thread(bare.speed)
        wall, cpu, answer = await _fetched(cluster.port, tls, pid, end)
        figures += _of_tls(end, wall, cpu, answer, fast)
    memory = machine.memory(pid)[1] - before
    _close(connections)
    return [
        *figures,
        Figure(f"memory of {MANY} pods", memory, "MB", note="RSS of the server; history of as many writes"),
    ]


def _of_tls(count: int, wall: float, cpu: float, answer: bytes, fast: float) -> Iterator[Figure]:
    values = [orjson.dumps(item) for item in orjson.loads(answer)["items"]]
    joins = []
    for _ in range(ROUNDS):
        before = time.thread_time()
        b"".join(values)
        joins.append(time.thread_time() - before)
    join = statistics.median(joins) * 1e3
    yield Figure(f"CPU, LIST of {count} pods, TLS", cpu * 1e3, "ms", join, JOIN, wall, cpu, speed=fast)
    rate = len(answer) / 1e9 / cpu
    note = f"the peer there: {PEER_LIST}"
    yield Figure(f"LIST of {count} pods, TLS", rate, "GB/CPUs", target=TLS_TARGET, note=note, speed=fast, least=True)


def _close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
