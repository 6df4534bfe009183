"""A large cluster of simulated nodes under kubectl: how fast they are Ready, what a pod's life costs there, how long
clients wait meanwhile, and what is kept. Simulated nodes live in the server's process: their work and memory are in its
figures.

    python -m bench --only simulated --nodes 5000 --pods 10000
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import machine
from bench.cluster import Cluster, place
from bench.figure import Figure, Void
from bench.kubectl import kubectl
from bench.pauses import Pauses

NAMESPACE, NAME = "crowd", "web"
#: Seconds that each step has: this, and what each node or pod may need.
PATIENCE, PATIENCE_EACH = 60.0, 0.1
#: CPU seconds of 1,000 pods' lives; seconds in which a Deployment or a namespace of 10,000 pods is to come or go; and
#: what no client may wait longer for.
LIVES_TARGET, TEN_THOUSAND_TARGET, PAUSE_TARGET = 0.75, 5.0, 0.3


@dataclass(frozen=True, slots=True)
class Size:
    nodes: int = 500
    pods: int = 1000


def measure(size: Size = Size()) -> Iterator[Figure]:
    with place("simulated", size.nodes) as cluster, Pauses(cluster) as pauses:
        yield from _Crowd(cluster, size, pauses).figures()


@dataclass(frozen=True, slots=True)
class _Spent:
    wall: float
    cpu: float
    rss: float


class _Crowd:
    """An administrator's day in a few commands."""

    def __init__(self, cluster: Cluster, size: Size, pauses: Pauses) -> None:
        self._cluster = cluster
        self._nodes, self._pods = size.nodes, size.pods
        self._pauses = pauses
        self._cpu = 0.0  # of the server until the last step
        self._waits: list[Figure] = []

    def figures(self) -> Iterator[Figure]:
        nodes, pods = self._nodes, self._pods
        up = self._step("up", self._up)
        yield Figure(f"podo up, {nodes} simulated nodes Ready", up.wall, "s", wall=up.wall, cpu=up.cpu)
        yield Figure("simulated nodes Ready per CPU second", nodes / up.cpu, "/s", cpu=up.cpu)
        yield Figure("memory, a simulated node and its share of the server", up.rss / nodes * 1000, "kB")
        got = self._step("get nodes", self._get_nodes)
        yield Figure(f"kubectl get nodes, {nodes}", got.wall, "s", wall=got.wall, cpu=got.cpu)
        share = TEN_THOUSAND_TARGET * pods / 10_000
        ran = self._step("rollout", self._roll_out)
        yield Figure(f"Deployment of {pods}, rolled out", ran.wall, "s", wall=ran.wall, cpu=ran.cpu, target=share)
        yield Figure("memory, a simulated pod with its Events", (ran.rss - got.rss) / pods * 1000, "kB")
        gone = self._step("delete ns", self._delete)
        yield Figure(f"namespace of {pods} pods deleted", gone.wall, "s", wall=gone.wall, cpu=gone.cpu, target=share)
        lives = (ran.cpu + gone.cpu) / pods * 1000
        note = "nodes and Events included"
        yield Figure("CPU, 1,000 lives of a Deployment's pods", lives, "s", cpu=lives, target=LIVES_TARGET, note=note)
        yield Figure("memory of the server, afterwards", gone.rss, "MB")
        self._get_nodes()
        yield from self._waits

    def _step(self, name: str, work: Callable[[], None]) -> _Spent:
        began = time.perf_counter()
        work()
        wall = time.perf_counter() - began
        server = self._cluster.pids()["server"]
        now = machine.cpu_seconds([server])
        spent = _Spent(wall, now - self._cpu, machine.memory(server)[1])
        self._cpu = now
        self._note_pause(name)
        return spent

    def _note_pause(self, name: str) -> None:
        longest = self._pauses.take()
        if longest.lost:
            raise Void(f"{name}: {longest.lost} questions for /livez were not answered")
        said = "longest wait for /livez; cpu: of the loop's thread meanwhile"
        pause = Figure(
            *(f"the server's longest pause, {name}", longest.wall, "s"),
            wall=longest.wall,
            cpu=longest.cpu,
            target=PAUSE_TARGET,
            note=said,
        )
        self._waits.append(pause)

    def _up(self) -> None:
        seconds = self._patience(self._nodes)
        self._cluster.podo(*self._cluster.up_arguments, "--wait", f"{seconds:.0f}s", seconds=seconds * 2)

    def _get_nodes(self) -> None:
        """Void unless all are Ready."""
        told = self._kubectl("get", "nodes", "--no-headers", each=self._nodes).splitlines()
        ready = sum(line.split()[1] == "Ready" for line in told)
        if ready != self._nodes:
            raise Void(f"{ready} of {self._nodes} nodes are Ready")

    def _roll_out(self) -> None:
        self._kubectl("create", "namespace", NAMESPACE)
        wanted = ("--image=nginx", f"--replicas={self._pods}")
        self._kubectl("create", "deployment", NAME, *wanted, "--namespace", NAMESPACE)
        deadline = ("--namespace", NAMESPACE, f"--timeout={self._patience(self._pods):.0f}s")
        self._kubectl("rollout", "status", f"deployment/{NAME}", *deadline, each=self._pods)

    def _delete(self) -> None:
        self._kubectl("delete", "namespace", NAMESPACE, each=self._pods)

    def _kubectl(self, *arguments: str, each: int = 0) -> str:
        return kubectl(self._cluster, *arguments, seconds=self._patience(each))

    @staticmethod
    def _patience(each: int) -> float:
        return PATIENCE + PATIENCE_EACH * each
