"""How fast pods get nodes, in the cases of upstream's scheduler_perf: created, decided, bound and told through the API
server in this process, with simulated nodes. Beside each the throughput that upstream's CI demands of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.figure import Figure, Void
from podo.api.encoding import stamp
from podo.api.kind import Obj
from podo.cluster.controlplane import ControlPlane, Settings
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.scheduler import podinfo
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.profile import default_profile
from podo.scheduler.scheduler import Scheduler
from podo.scheduler.snapshot import NodeInfo, Snapshot
from podo.storage.memory import MemoryStore

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
PATIENCE = 60.0
CREATED_AT_ONCE = 32
Make = Callable[[int], Obj]


@dataclass(frozen=True)
class Case:
    """``first``: pods that are there before; ``waits``: pods that fit nowhere, as many of each as given. ``demands``:
    upstream's threshold, pods a second."""

    name: str
    demands: float
    pods: int
    make: Make
    first: int = 0
    make_first: Make | None = None
    nodes: int = 5000
    objects: tuple[Obj, ...] = ()
    waits: tuple[int, Make] | None = None


def pod(name: str, labels: dict[str, str] | None = None, cpu: str = "100m", **spec: Any) -> Obj:
    requests = {"cpu": cpu, "memory": "500Mi"}
    container = {"name": "pause", "image": "registry.k8s.io/pause:3.10", "resources": {"requests": requests}}
    metadata = {"name": name, "namespace": "default", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def plain(number: int) -> Obj:
    return pod(f"pod-{number}")


def _color(number: int, how: str, kind: str, key: str, color: str = "blue", **term: Any) -> Obj:
    wanted: Any = {"topologyKey": key, "labelSelector": {"matchLabels": {"color": color}}, **term}
    if how == "preferred":
        wanted = {"weight": 1, "podAffinityTerm": wanted}
    affinity = {kind: {f"{how}DuringSchedulingIgnoredDuringExecution": [wanted]}}
    return pod(f"pod-{number}", {"color": color}, affinity=affinity)


def _spread(number: int, how: str) -> Obj:
    selector = {"matchLabels": {"color": "blue"}}
    constraint = {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": how, "labelSelector": selector}
    return pod(f"pod-{number}", {"color": "blue"}, topologySpreadConstraints=[constraint])


def _by_zone(number: int) -> Obj:
    terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["zone-1", "zone-2"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return pod(f"pod-{number}", affinity={"nodeAffinity": required})


def _low(number: int) -> Obj:
    return pod(f"low-{number}", cpu="900m")


_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "blue", "namespace": "default"},
    "spec": {"selector": {"color": "blue"}, "ports": [{"port": 80}]},
}
_HIGH = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 100}

CASES = (
    Case("SchedulingBasic 5000Nodes_10000Pods", 680, 10000, plain),
    Case("SchedulingBasic 15000Nodes", 680, 2000, plain, nodes=15000),
    Case("SchedulingNodeAffinity", 220, 2000, _by_zone),
    Case(
        "SchedulingPodAntiAffinity",
        60,
        1000,
        lambda n: _color(n, "required", "podAntiAffinity", HOSTNAME, "green"),
    ),
    Case("SchedulingPodAffinity", 35, 1000, lambda n: _color(n, "required", "podAffinity", ZONE)),
    Case("SchedulingPreferredPodAffinity", 90, 1000, lambda n: _color(n, "preferred", "podAffinity", HOSTNAME)),
    Case("SchedulingPreferredPodAntiAffinity", 90, 1000, lambda n: _color(n, "preferred", "podAntiAffinity", HOSTNAME)),
    Case(
        "SchedulingRequiredPodAntiAffinityWithNSSelector",
        24,
        1000,
        lambda n: _color(n, "required", "podAntiAffinity", HOSTNAME, namespaceSelector={}),
    ),
    Case("TopologySpreading", 460, 2000, lambda n: _spread(n, "DoNotSchedule")),
    Case("PreferredTopologySpreading", 340, 2000, lambda n: _spread(n, "ScheduleAnyway")),
    Case("DefaultTopologySpreading", 160, 2000, lambda n: pod(f"pod-{n}", {"color": "blue"}), objects=(_SERVICE,)),
    Case(
        "PreemptionAsync 500Nodes",
        570,
        500,
        lambda n: pod(f"high-{n}", cpu="3000m", priorityClassName="high"),
        first=2000,
        make_first=_low,
        nodes=500,
        objects=(_HIGH,),
    ),
    Case("Unschedulable", 590, 2000, plain, waits=(200, lambda n: pod(f"huge-{n}", cpu="9"))),
    Case(
        "SchedulingWhileGated",
        910,
        2000,
        plain,
        waits=(2000, lambda n: pod(f"gated-{n}", schedulingGates=[{"name": "example.com/gate"}])),
    ),
)


def measure() -> Iterator[Figure]:
    yield _decided(5000, 10000)
    stores: dict[int, MemoryStore] = {}
    for case in CASES:
        if case.nodes not in stores:
            stores[case.nodes] = asyncio.run(_with_nodes(case.nodes))
        yield asyncio.run(_Run(case, stores[case.nodes].fork()).figure())


def _figure(name: str, demanded: float, wall: float, cpu: float, pods: int, floor_is: str) -> Figure:
    """By CPU time: all happens in one thread, and the machine may be shared. The rate by the clock is in the note."""
    note = f"{pods / cpu:,.0f} pods per CPU second, {pods / wall:,.0f} pods/s by the clock"
    return Figure(name, cpu / pods * 1e6, "us/pod", 1e6 / demanded, floor_is, wall, cpu, 1.0, True, note)


def _decided(nodes: int, pods: int) -> Figure:
    """Decisions alone: one after the other, each seeing the one before."""
    snapshot = Snapshot()
    for number in range(nodes):
        snapshot.set_node(NodeInfo.read(node(number)))
    cycle, chance = Cycle(snapshot, default_profile()), Chance("bench")
    asked = [podinfo.read({**plain(n), "metadata": {"name": f"p{n}", "uid": str(n)}}) for n in range(pods)]
    wall, cpu = time.perf_counter(), time.process_time()
    for each in asked:
        placed = cycle.place(each, chance.below)
        if not isinstance(placed, Placement):
            raise Void(f"{each.name} was not placed")
        snapshot.add_pod(each, placed.node_name)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    name = f"decisions alone, {nodes} nodes, {pods} plain pods"
    return _figure(name, 5000, wall, cpu, pods, "goal of 5,000 pods/s")


def node(number: int) -> Obj:
    amounts = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    labels = {HOSTNAME: f"node-{number}", ZONE: f"zone-{number % 3}"}
    status = {"capacity": amounts, "allocatable": amounts}
    metadata = {"name": f"node-{number}", "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


async def _with_nodes(count: int) -> MemoryStore:
    store = MemoryStore(stamp)
    plane = ControlPlane(store, SystemClock(), Chance("bench"), Settings())
    await plane.start()
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "default", "namespace": "default"}}
    await plane.client.create(account)
    for number in range(count):
        await plane.client.create(node(number))
        await plane.client.patch("Node", f"node-{number}", patch={"spec": {"taints": None}})
    return store


class _Run:
    def __init__(self, case: Case, store: MemoryStore) -> None:
        self._case = case
        self._plane = ControlPlane(store, SystemClock(), Chance("bench"), Settings())

    async def figure(self) -> Figure:
        case, plane = self._case, self._plane
        await plane.start()
        await plane.cache.start()
        await plane.start_scheduler()
        assert plane.scheduler is not None
        try:
            for obj in case.objects:
                await plane.client.create(obj)
            await self._create(case.first, case.make_first or case.make)
            await self._placed(plane.scheduler, case.first)
            if case.waits is not None:
                await self._create(*case.waits)
            wall, cpu = time.perf_counter(), time.process_time()
            await self._create(case.pods, case.make)
            await self._placed(plane.scheduler, case.pods + (0 if case.make_first is not None else case.first))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        finally:
            await plane.stop()
        return _figure(case.name, case.demands, wall, cpu, case.pods, "upstream's threshold")

    async def _create(self, count: int, make: Make) -> None:
        for start in range(0, count, CREATED_AT_ONCE):
            numbers = range(start, min(count, start + CREATED_AT_ONCE))
            await asyncio.gather(*(self._plane.client.create(make(number)) for number in numbers))

    async def _placed(self, scheduler: Scheduler, count: int) -> None:
        """Waits until so many pods more important than those that were there first, if any had to yield, are bound."""
        deadline = time.perf_counter() + PATIENCE
        pods = scheduler.snapshot.pods()
        while True:
            if len(pods) >= count and scheduler.idle and sum(pod.priority >= 0 for pod, _ in pods.values()) >= count:
                return
            if time.perf_counter() > deadline:
                raise Void(f"{self._case.name}: {len(pods)} of {count} pods placed after {PATIENCE:.0f} s")
            await asyncio.sleep(0.05)
