"""From ``podo up`` to the first answer of the API and to a Ready node, and with real containers to the first pod."""

from __future__ import annotations

import asyncio
import os
import ssl
import statistics
import subprocess
import time
from collections.abc import Iterator

from bench import machine, pods
from bench.cluster import Cluster, place
from bench.figure import Figure, Void
from bench.floors import floor
from bench.wire import connect, get

SIMULATED_ROUNDS, REAL_ROUNDS = 3, 2
PATIENCE = 60.0
READY_TARGET, FIRST_POD_TARGET = 2.0, 10.0


def measure() -> Iterator[Figure]:
    answers, readies, cpus, floors = [], [], [], []
    for _ in range(SIMULATED_ROUNDS):
        with place("simulated") as cluster:
            answer, ready, cpu = asyncio.run(_up(cluster))
            with floor(cluster) as one:
                floors.append(one.start_seconds)
        answers.append(answer)
        readies.append(ready)
        cpus.append(cpu)
    least, cpu = statistics.median(floors), statistics.median(cpus)
    what = "the floor server's start"
    yield Figure("simulated: up -> first API answer", statistics.median(answers), "s", least, what)
    ready = statistics.median(readies)
    yield Figure("simulated: up -> node Ready", ready, "s", least, what, ready, cpu, READY_TARGET)
    yield from _real(least, what)


def _real(least: float, what: str) -> Iterator[Figure]:
    answers, readies, cpus, firsts = [], [], [], []
    for _ in range(REAL_ROUNDS):
        with place("containerd") as cluster:
            answer, ready, cpu = asyncio.run(_up(cluster))
            loaded = cluster.load_images()
            first = asyncio.run(pods.first_pod(cluster))
            firsts.append(ready + loaded + first)
        answers.append(answer)
        readies.append(ready)
        cpus.append(cpu)
    yield Figure("containerd: up -> first API answer", statistics.median(answers), "s", least, what)
    ready, cpu = statistics.median(readies), statistics.median(cpus)
    yield Figure("containerd: up -> node Ready", ready, "s", least, what, ready, cpu, note="cpu without containerd")
    first = statistics.median(firsts)
    yield Figure("containerd: up, image load -> first pod Running", first, "s", target=FIRST_POD_TARGET)


async def _up(cluster: Cluster) -> tuple[float, float, float]:
    """Seconds to the first answer and to the end of ``podo up``, and the CPU seconds of all podo processes."""
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: ASYNC220 (nothing else runs yet)
        cluster.command(*cluster.up_arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=cluster.environment,
    )
    try:
        answer = await asyncio.wait_for(_first_answer(cluster.port), PATIENCE) - began
    finally:
        said, usage = await asyncio.to_thread(_wait, process)
    ready = time.monotonic() - began
    if process.returncode:
        raise Void(f"podo up: {said}")
    return answer, ready, usage + machine.cpu_seconds(cluster.own_pids().values())


def _wait(process: subprocess.Popen[bytes]) -> tuple[str, float]:
    """What it said, and its CPU seconds."""
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return said, usage.ru_utime + usage.ru_stime


async def _first_answer(port: int) -> float:
    """When the API first answers: health needs no certificate."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    while True:
        try:
            connection = await connect(port, anyone)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        status = await connection.ask(get("/livez"))
        connection.close()
        if status == 200:
            return time.monotonic()
