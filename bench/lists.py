"""A LIST of 5,000 pods beside the join of the same stored bytes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator

import orjson

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.pod import encoded
from bench.requests import PODS
from bench.wire import connect, fetch, load, post

COUNT, ROUNDS, CREATE_AT_ONCE = 5000, 9, 32
TARGET = 4.0


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster:
        yield from asyncio.run(_measure(cluster))


async def _measure(cluster: Cluster) -> list[Figure]:
    tls, pid = cluster.tls(), cluster.pids()["server"]
    connections = [await connect(cluster.port, tls) for _ in range(CREATE_AT_ONCE)]
    await load(connections, (post(PODS, encoded(number)) for number in range(COUNT)), 201)
    ours, joins, walls = [], [], []
    answer = await fetch(connections[0], PODS)  # the first builds what later ones have
    values = [orjson.dumps(item) for item in orjson.loads(answer)["items"]]
    if len(values) != COUNT:
        raise Void(f"{len(values)} pods in the list, not {COUNT}")
    for _ in range(ROUNDS):
        before, began = machine.cpu_seconds([pid]), time.perf_counter()
        answer = await fetch(connections[0], PODS)
        walls.append(time.perf_counter() - began)
        ours.append(machine.cpu_seconds([pid]) - before)
        before_join = time.thread_time()
        b"".join(values)
        joins.append(time.thread_time() - before_join)
    size = len(answer) / 1e6
    cpu, join = statistics.median(ours) * 1e3, statistics.median(joins) * 1e3
    note = f"{size:.1f} MB, {size / cpu:.2f} GB per CPU second, TLS"
    floor_is = 'b"".join of the stored values'
    name = f"CPU, LIST of {COUNT} pods"
    return [Figure(name, cpu, "ms", join, floor_is, statistics.median(walls), cpu / 1e3, TARGET, True, note)]
