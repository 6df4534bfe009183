"""One case of the scheduler's, carried out: an API server over SQLite in this process, a scheduler beside it, pods
created through the API, and what became of each looked up there and held against the slow oracle of the unit tests."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.unit.scheduler import oracle_pods

from bench import schedulerpods as pods
from bench.figure import Void
from bench.schedulercases import Case, Make, Nodes
from bench.throughput import sampled
from bench.waiting import until
from podo.api.encoding import stamp
from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of, namespace_of
from podo.client.cache import Changes
from podo.cluster.controlplane import ControlPlane, Settings
from podo.runtime import garbage
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.scheduler import podinfo
from podo.scheduler.snapshot import NodeInfo
from podo.storage.sqlite import SqliteStore

PATIENCE = 600.0
CREATED_AT_ONCE = 64
DELETED_A_SECOND = 50
#: Decisions of a run that are looked at again.
SAMPLE = 20
HIGH = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 10}


@dataclass(frozen=True)
class Spent:
    """Over the measured pods, from the first POST until the API says of the last that it has a node. ``sampled``: pods
    a second as upstream counts them; None for a run of less than two seconds."""

    pods: int
    wall: float
    cpu: float
    sampled: float | None = None


def plane_over(path: Path) -> ControlPlane:
    return ControlPlane(SqliteStore(path, stamp), SystemClock(), Chance("bench"), Settings())


async def make_nodes(path: Path, nodes: Nodes) -> None:
    """A store with the nodes, to be copied for each case."""
    plane = plane_over(path)
    await plane.start()
    try:
        await plane.client.create(HIGH)
        for numbers in _batches(nodes.count):
            await asyncio.gather(*(_make_node(plane, nodes, number) for number in numbers))
        if nodes.named:
            await _enter(plane, pods.node(pods.NAMED, "zone-0", {"pods": "90000"}))
    finally:
        await plane.stop()


async def _make_node(plane: ControlPlane, nodes: Nodes, number: int) -> None:
    more = {pods.DEVICE: str(nodes.devices)} if nodes.devices else {}
    made = pods.node(f"node-{number}", f"zone-{number % nodes.zones}", more)
    await _enter(plane, made)
    if nodes.csi:
        await plane.client.create(pods.csi_node(name_of(made)))


async def _enter(plane: ControlPlane, node: Obj) -> None:
    """As admission makes it, it waits for its network."""
    await plane.client.create(node)
    await plane.client.patch("Node", name_of(node), patch={"spec": {"taints": None}})


def _batches(count: int, first: int = 0) -> Iterator[range]:
    for start in range(first, first + count, CREATED_AT_ONCE):
        yield range(start, min(first + count, start + CREATED_AT_ONCE))


class Run:
    """``directory`` gets the run's store, which begins as a copy of ``nodes``."""

    def __init__(self, case: Case, nodes: Path, directory: Path) -> None:
        self._case = case
        path = directory / "run.db"
        shutil.copyfile(nodes, path)
        self._plane = plane_over(path)
        self._bound: dict[str, str] = {}  # name of a measured pod -> its node
        self._before: set[str] = set()  # names of others that have one
        self._progress: list[tuple[float, int]] = []  # when, by the performance counter, how many of these
        self._moved: list[str] = []
        self._changed = asyncio.Event()
        self._numbers = itertools.count()

    async def spent(self, *, waiting: bool = False) -> Spent:
        """``waiting``: the pods are there when the scheduler starts, so that their creation is not measured."""
        case, plane = self._case, self._plane
        await plane.start()
        try:
            await plane.cache.start()
            garbage.settle()  # as the server does
            for namespace in case.namespaces:
                await self._create_namespace(namespace)
            for obj in case.objects:
                await plane.client.create(obj)
            if not waiting:
                await self._start_scheduler()
            await self._first()
            spent = await (self._measured_waiting() if waiting else self._measured())
            await self._check()
        finally:
            await plane.stop()
            gc.unfreeze()
        return spent

    async def _create_namespace(self, namespace: Obj) -> None:
        account = {"name": "default", "namespace": name_of(namespace)}
        await self._plane.client.create(namespace)
        await self._plane.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})

    async def _start_scheduler(self) -> None:
        await self._plane.start_scheduler()
        self._plane.cache.subscribe(self._came)

    async def _first(self) -> None:
        placed = 0
        for kind, (count, make, fits) in enumerate(self._case.before):
            await self._create(count, make, f"before-{kind}", pods.BEFORE)
            placed += count if fits else 0
        await self._until(lambda: len(self._before) >= placed)

    async def _measured(self) -> Spent:
        case = self._case
        more = asyncio.create_task(self._meanwhile()) if case.churn or case.deletes else None
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            await self._create(case.count, case.make, "pod", pods.MEASURED)
            await self._until(lambda: len(self._bound) >= case.count)
            return self._spent(wall, cpu)
        finally:
            if more is not None:
                more.cancel()
                with suppress(asyncio.CancelledError):
                    await more

    async def _measured_waiting(self) -> Spent:
        case = self._case
        await self._create(case.count, case.make, "pod", pods.MEASURED)
        wall, cpu = time.perf_counter(), time.process_time()
        await self._start_scheduler()
        await self._until(lambda: len(self._bound) >= case.count)
        return self._spent(wall, cpu)

    def _spent(self, wall: float, cpu: float) -> Spent:
        rate = sampled(self._progress, wall)
        return Spent(self._case.count, time.perf_counter() - wall, time.process_time() - cpu, rate)

    async def _create(self, count: int, make: Make, prefix: str, where: str) -> None:
        for numbers in _batches(count):
            await asyncio.gather(*(self._create_one(make, f"{prefix}-{number}", where) for number in numbers))

    async def _create_one(self, make: Make, name: str, where: str) -> None:
        if self._case.volume is not None:
            volume, claim = self._case.volume(name, where)
            for obj in (volume, claim):
                await self._plane.client.create(obj)
        await self._plane.client.create(make(name, where))

    # Meanwhile

    async def _meanwhile(self) -> None:
        if self._case.deletes:
            for number in range(self._case.before[0][0]):
                await asyncio.sleep(1 / DELETED_A_SECOND)
                await self._plane.client.delete("Pod", f"before-0-{number}", pods.BEFORE, grace_seconds=0)
        churn = self._case.churn
        while churn is not None:
            name = f"churn-{next(self._numbers)}"
            await self._plane.client.create(churn.make(name, pods.BEFORE))
            if churn.recreated:
                await _enter(self._plane, pods.node(name, "zone-0"))
                await self._plane.client.create(pods.service(name, pods.BEFORE))
            await asyncio.sleep(churn.seconds)
            if churn.recreated:
                for kind, where in (("Pod", pods.BEFORE), ("Service", pods.BEFORE), ("Node", "")):
                    await self._plane.client.delete(kind, name, where, grace_seconds=0 if kind == "Pod" else None)

    # What became of them

    def _came(self, kind: str, revision: int, changes: Changes) -> None:
        if kind != "Pod":
            return
        for change in changes:
            node_name = (change.new or {}).get("spec", {}).get("nodeName") or ""
            if change.place.namespace != pods.MEASURED:
                if node_name and change.place.name.startswith("before-"):
                    self._before.add(change.place.name)
                continue
            known = self._bound.get(change.place.name, "")
            if known and node_name != known:
                self._moved.append(change.place.name)
            if node_name:
                self._bound[change.place.name] = node_name
        self._progress.append((time.perf_counter(), len(self._bound)))
        self._changed.set()

    async def _until(self, reached: Callable[[], bool]) -> None:
        await until(reached, self._changed, PATIENCE, lambda: f"{self._case.name}: {len(self._bound)} bound")

    async def _check(self) -> None:
        """Every measured pod has one node for good; no node has more than it can take; a sample was legal."""
        if self._moved:
            raise Void(f"{self._case.name}: {self._moved[0]} changed its node")
        items = (await self._plane.client.list("Pod")).items
        measured = [pod for pod in items if namespace_of(pod) == pods.MEASURED and pod["spec"].get("nodeName")]
        if len(measured) != self._case.count:
            raise Void(f"{self._case.name}: {len(measured)} of {self._case.count} bound")
        cluster = await self._as_the_oracle_sees_it(items)
        there = {node.name for node in cluster.nodes}  # churn takes some away again
        measured = [pod for pod in measured if pod["spec"]["nodeName"] in there]
        for pod in random.Random(1).sample(measured, min(SAMPLE, len(measured))):
            self._check_legal(pod, cluster)

    async def _as_the_oracle_sees_it(self, items: list[Obj]) -> oracle_pods.Cluster:
        placed: dict[str, list[podinfo.PodInfo]] = {}
        for pod in items:
            if node_name := pod["spec"].get("nodeName"):
                placed.setdefault(node_name, []).append(podinfo.read(pod))
        nodes = [NodeInfo.read(node) for node in (await self._plane.client.list("Node")).items]
        spaces = {name_of(each): labels_of(each) for each in (await self._plane.client.list("Namespace")).items}
        return oracle_pods.Cluster(nodes, placed, spaces)

    def _check_legal(self, pod: Obj, cluster: oracle_pods.Cluster) -> None:
        """Would the node take the pod if it came last? (Nothing that these cases ask for is spoiled by later pods.)"""
        node_name = pod["spec"]["nodeName"]
        node = next(node for node in cluster.nodes if node.name == node_name)
        others = [other for other in cluster.placed[node_name] if other.name != name_of(pod)]
        unbound = podinfo.read({**pod, "spec": {**pod["spec"], "nodeName": ""}})
        without = oracle_pods.Cluster(cluster.nodes, {**cluster.placed, node_name: others}, cluster.namespaces)
        if not oracle_pods.feasible(unbound, node, without):
            raise Void(f"{self._case.name}: {name_of(pod)} should not be on {node_name}")
