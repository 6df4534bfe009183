"""The cases of upstream's scheduler_perf with its numbers of nodes and pods, and the throughput that its CI demands of
each (pods/s). Source: the performance-config files of kubernetes/test/integration/scheduler_perf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench import schedulerpods as pods
from podo.api.kind import Obj

#: Given a name and a namespace.
Make = Callable[[str, str], Obj]


@dataclass(frozen=True)
class Nodes:
    """``zones``: they lie in so many. ``csi``: each takes ``CSI_LIMIT`` volumes of the driver; ``devices``: each has
    so many. ``named``: one more, large one of the name ``NAMED``."""

    count: int
    zones: int = 1
    csi: bool = False
    devices: int = 0
    named: bool = False


@dataclass(frozen=True)
class Churn:
    """While pods are measured, ``make`` is created each ``seconds``; ``recreated``: with a node and a Service, which go
    the next time."""

    make: Make
    seconds: float
    recreated: bool = False


@dataclass(frozen=True)
class Case:
    """``demands``: 0 where upstream demands nothing. ``before``: pods that are there when the clock starts: how many of
    which, and whether they can be placed. ``deletes``: the first of these go meanwhile, 50 a second."""

    name: str
    demands: float
    nodes: Nodes
    count: int
    make: Make = pods.plain
    before: tuple[tuple[int, Make, bool], ...] = ()
    namespaces: tuple[Obj, ...] = (pods.namespace(pods.BEFORE), pods.namespace(pods.MEASURED))
    objects: tuple[Obj, ...] = ()
    volume: Callable[[str, str], tuple[Obj, Obj]] | None = None
    churn: Churn | None = None
    deletes: bool = False

    def scaled(self, share: float) -> Case:
        """The same with a share of the pods and nodes, for a quick look."""
        nodes = replace(self.nodes, count=int(self.nodes.count * share))
        before = tuple((int(count * share), make, fits) for count, make, fits in self.before)
        name = self.name if share == 1 else f"{self.name}, {share:g} of it"
        return replace(self, name=name, nodes=nodes, count=int(self.count * share), before=before)


_N5000 = Nodes(5000)
_THREE_ZONES = Nodes(5000, zones=3)
_TEAMS = tuple(pods.namespace(name, {"team": "devops"}) for name in (pods.BEFORE, pods.MEASURED))
_MIX = tuple((2000, make, True) for make in (pods.plain, pods.near, pods.apart, pods.rather_near, pods.rather_apart))


def _before(count: int, make: Make = pods.plain) -> tuple[tuple[int, Make, bool], ...]:
    return ((count, make, True),)


CASES = (
    Case("SchedulingBasic 5000Nodes_10000Pods", 680, _N5000, 10000, before=_before(1000)),
    Case("SchedulingBasic 5000Nodes_50000Pods", 810, _N5000, 50000, before=_before(5000)),
    Case("SchedulingBasic 15000Nodes_10000Pods", 680, Nodes(15000, named=True), 10000),
    Case("SchedulingDaemonset 15000Nodes_30000Pods", 1100, Nodes(15000, named=True), 30000, pods.for_named),
    Case("SchedulingWithMixedChurn 5000Nodes_10000Pods", 710, _N5000, 10000, churn=Churn(pods.huge, 1.0, True)),
    Case(
        "SchedulingWhileGated 1Node_10000GatedPods",
        910,
        Nodes(0, named=True),
        20000,
        pods.light,
        before=((20000, pods.light, True), (10000, pods.gated, False)),
        deletes=True,
    ),
    Case("Unschedulable 5kNodes/100Init/10kPods", 590, _N5000, 10000, before=_before(100), churn=Churn(pods.huge, 0.2)),
    Case(
        "PreemptionAsync 5000Nodes",
        570,
        _N5000,
        5000,
        before=_before(20000, pods.low),
        churn=Churn(pods.high, 0.2),
    ),
    Case("PreemptionBasic 1000Nodes", 0, Nodes(1000), 1000, pods.high, _before(4000, pods.low)),
    Case("SchedulingWithExtendedResource 5000Nodes", 180, Nodes(5000, devices=1), 5000, pods.with_device),
    Case("SchedulingNodeAffinity 5000Nodes_10000Pods", 220, _N5000, 10000, pods.in_zone, _before(5000, pods.in_zone)),
    Case("SchedulingPodAntiAffinity 5000Nodes_2000Pods", 60, _N5000, 2000, pods.apart, _before(1000, pods.apart)),
    Case("SchedulingPodAffinity 5000Nodes_5000Pods", 35, _N5000, 5000, pods.near, _before(5000, pods.near)),
    Case(
        "SchedulingPreferredPodAffinity 5000Nodes_5000Pods",
        90,
        _N5000,
        5000,
        pods.rather_near,
        _before(5000, pods.rather_near),
    ),
    Case(
        "SchedulingPreferredPodAntiAffinity 5000Nodes_5000Pods",
        90,
        _N5000,
        5000,
        pods.rather_apart,
        _before(5000, pods.rather_apart),
    ),
    Case(
        "SchedulingRequiredPodAntiAffinityWithNSSelector 6000Nodes_2000Pods",
        24,
        Nodes(6000),
        2000,
        pods.apart_by_team,
        _before(4000, pods.apart_by_team),
        _TEAMS,
    ),
    Case("TopologySpreading 5000Nodes_5000Pods", 460, _THREE_ZONES, 5000, pods.spread, _before(5000)),
    Case("PreferredTopologySpreading 5000Nodes_5000Pods", 340, _THREE_ZONES, 5000, pods.rather_spread, _before(5000)),
    Case(
        "DefaultTopologySpreading 5000Nodes_50000Pods",
        160,
        _THREE_ZONES,
        50000,
        pods.of_service,
        _before(5000),
        objects=(pods.service("blue", pods.MEASURED),),
    ),
    Case("SchedulingSecrets 5000Nodes_10000Pods", 790, _N5000, 10000, pods.with_secret, _before(1000)),
    Case(
        "SchedulingInTreePVs 5000Nodes_2000Pods",
        290,
        _N5000,
        2000,
        pods.with_claim,
        _before(1000, pods.with_claim),
        volume=pods.in_tree_volume,
    ),
    Case(
        "SchedulingCSIPVs 5000Nodes_5000Pods",
        100,
        Nodes(5000, csi=True),
        5000,
        pods.with_claim,
        _before(5000, pods.with_claim),
        volume=pods.csi_volume,
    ),
    Case("MixedSchedulingBasePod 5000Nodes_5000Pods", 140, _N5000, 5000, before=_MIX),
)
