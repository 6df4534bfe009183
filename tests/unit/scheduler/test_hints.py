"""Which events requeue a pod that a plug-in refused, and which do not: what upstream's plug-ins register, with their
hints."""

from __future__ import annotations

from typing import Any

import pytest

from podo.client.cache import CacheChange
from podo.client.index import Place
from podo.scheduler.follow import Follower
from podo.scheduler.profile import default_profile
from podo.scheduler.queue import Queue
from podo.scheduler.snapshot import Snapshot

Obj = dict[str, Any]
KINDS = {
    "Node": "",
    "Pod": "default",
    "PersistentVolumeClaim": "default",
    "PersistentVolume": "",
    "StorageClass": "",
    "CSINode": "",
    "CSIDriver": "",
    "CSIStorageCapacity": "default",
    "VolumeAttachment": "",
}
ANTI = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": ANTI["labelSelector"],
}


def affinity(kind: str) -> Obj:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [ANTI]}}


def node(name: str = "new", **spec: Any) -> Obj:
    allocatable = {"cpu": spec.pop("cpu", "4"), "memory": "8Gi", "pods": "10"}
    labels = {"zone": "a", **spec.pop("labels", {})}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"allocatable": allocatable},
    }


def pod(name: str, labels: dict[str, str] | None = None, port: int = 0, cpu: str = "", **spec: Any) -> Obj:
    container: Obj = {"name": "c", "resources": {"requests": {"cpu": cpu} if cpu else {}}}
    if port:
        container["ports"] = [{"containerPort": 80, "hostPort": port}]
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": labels or {}}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def claiming(*names: str) -> list[Obj]:
    return [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]


def other(kind: str, name: str = "x") -> Obj:
    spec = {"nodeName": "old", "attacher": "d", "source": {}} if kind == "VolumeAttachment" else {}
    return {"kind": kind, "metadata": {"name": name, "namespace": KINDS[kind]}, "spec": spec}


class Cluster:
    """One node, and one pod that waits since a plug-in refused it."""

    def __init__(self, refused_by: str, waiting: Obj) -> None:
        self.profile = default_profile()
        self.queue = Queue(self.profile.wakes)
        filters = lambda pod, name: self.profile.filter_named(name)  # noqa: E731
        self.follower = Follower(Snapshot(), self.queue, ("default-scheduler",), filters)
        for there in (node("old"), pod("placed", {"app": "web"}, 80, volumes=claiming("its"), nodeName="old")):
            self.tell(None, there)
        self.tell(None, pod("plain", nodeName="old"))
        self.tell(None, waiting)
        entry = self.queue.pop(0.0)
        assert entry is not None
        self.queue.refused(entry, frozenset({refused_by}))

    def tell(self, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        place = Place(KINDS[obj["kind"]], obj["metadata"]["name"])
        self.follower.changed([CacheChange(obj["kind"], place, old, new)], 100.0)

    @property
    def woken(self) -> bool:
        return bool(self.queue.ready)


def placed(**fields: Any) -> Obj:
    return pod("placed", {"app": "web"}, 80, volumes=claiming("its"), nodeName="old", **fields)


LABELLED = node("old", labels={"x": "y"})
PLAIN = pod("plain", nodeName="old")
WEB = pod("more", {"app": "web"}, nodeName="old")
TOLERANT: Obj = {"tolerations": [{"key": "k", "operator": "Exists"}]}
TAINT: Obj = {"taints": [{"key": "k", "effect": "NoSchedule"}]}
OTHER_TAINT: Obj = {"taints": [{"key": "other", "effect": "NoSchedule"}]}
IN_B = {"nodeSelector": {"zone": "b"}}

#: plug-in, what the waiting pod wants, events (before, after) that requeue it, and those that do not
TABLE: list[tuple[str, Obj, list[tuple[Obj | None, Obj | None]], list[tuple[Obj | None, Obj | None]]]] = [
    (
        "NodeResourcesFit",
        {"cpu": "6"},
        [(None, node(cpu="8")), (node("old"), node("old", cpu="8")), (PLAIN, None)],
        [
            (None, node()),
            (node("old"), node("old", cpu="5")),
            (node("old"), node("old", labels={"x": "y"}, cpu="4")),
            (None, WEB),
        ],
    ),
    (
        "NodeAffinity",
        IN_B,
        [(None, node(labels={"zone": "b"})), (node("old"), node("old", labels={"zone": "b"}))],
        [
            (None, node()),
            (node("old"), node("old", cpu="8")),
            (node("old"), node("old", labels={"zone": "c"})),
            (PLAIN, None),
        ],
    ),
    (
        "TaintToleration",
        TOLERANT,
        [(None, node()), (None, node(**TAINT)), (node("old"), node("old", **TAINT))],
        [(None, node(**OTHER_TAINT)), (node("old"), node("old", cpu="8")), (PLAIN, None)],
    ),
    (
        "NodeUnschedulable",
        {},
        [(None, node())],
        [(None, node(unschedulable=True)), (node("old"), LABELLED), (PLAIN, None)],
    ),
    ("NodeName", {"cpu": "1"}, [(None, node())], [(PLAIN, None), (node("old"), node("old", cpu="8"))]),
    (
        "NodePorts",
        {"port": 80},
        [(None, node()), (placed(), None)],
        [(PLAIN, None), (None, WEB), (node("old"), node("old", cpu="8"))],
    ),
    (
        "InterPodAffinity",
        {"affinity": affinity("podAntiAffinity")},
        [(placed(), None), (None, node()), (node("old"), LABELLED)],
        [(PLAIN, None), (None, PLAIN), (node("old"), node("old", cpu="8"))],
    ),
    (
        "InterPodAffinity",
        {"affinity": affinity("podAffinity")},
        [(None, WEB)],
        [(PLAIN, None), (None, pod("unlike", nodeName="old"))],
    ),
    (
        "PodTopologySpread",
        {"labels": {"app": "web"}, "topologySpreadConstraints": [SPREAD]},
        [(placed(), None), (None, WEB), (None, node()), (node("old"), None), (node("old"), node("old", **TAINT))],
        [(PLAIN, None), (None, pod("unlike", nodeName="old")), (node("old"), node("old", cpu="8"))],
    ),
    (
        "PodTopologySpread",  # by constraints that the profile has for pods without their own
        {},
        [(placed(), None), (None, WEB)],
        [(node("old"), node("old", cpu="8"))],
    ),
    (
        "VolumeBinding",
        {"volumes": claiming("mine")},
        [
            *((None, other(kind)) for kind in ("PersistentVolume", "StorageClass", "CSINode", "CSIDriver")),
            *((None, other("CSIStorageCapacity")), (None, other("PersistentVolumeClaim", "mine"))),
        ],
        [(None, other("PersistentVolumeClaim")), (other("PersistentVolume"), None), (PLAIN, None), (placed(), None)],
    ),
    (
        "VolumeZone",
        {"volumes": claiming("mine")},
        [(None, other(kind, "mine")) for kind in ("PersistentVolume", "StorageClass", "PersistentVolumeClaim")],
        [(None, other("CSINode")), (None, other("PersistentVolumeClaim")), (PLAIN, None)],
    ),
    (
        "VolumeRestrictions",
        {"volumes": claiming("mine")},
        [(placed(), None), (None, other("PersistentVolumeClaim", "mine"))],
        [(PLAIN, None), (None, other("PersistentVolume")), (None, other("PersistentVolumeClaim")), (None, WEB)],
    ),
    (
        "NodeVolumeLimits",
        {"volumes": claiming("mine")},
        [
            *((placed(), None), (None, other("CSINode")), (other("VolumeAttachment"), None)),
            *((None, other("PersistentVolumeClaim", "mine")), (None, node())),
        ],
        [(PLAIN, None), (None, other("VolumeAttachment")), (None, other("StorageClass")), (None, WEB)],
    ),
]


@pytest.mark.parametrize(
    ("plugin", "wants", "helpful", "idle"), TABLE, ids=[f"{row[0]}-{i}" for i, row in enumerate(TABLE)]
)
def test_what_requeues_a_pod(plugin: str, wants: Obj, helpful: list[Any], idle: list[Any]) -> None:
    for old, new in helpful:
        cluster = Cluster(plugin, pod("waits", **wants))
        cluster.tell(old, new)
        assert cluster.woken, (old, new)
    cluster = Cluster(plugin, pod("waits", **wants))
    for old, new in idle:
        cluster.tell(old, new)
        assert not cluster.woken, (old, new)


def test_every_filter_of_the_default_profile_is_in_the_table() -> None:
    elsewhere = {"DynamicResources"}
    assert {row[0] for row in TABLE} | elsewhere == {each.name for each in default_profile().filters}


def test_a_pod_that_asks_for_less_or_tolerates_more_is_tried_again() -> None:
    pairs: list[tuple[Obj, Obj]] = [({"cpu": "6"}, {"cpu": "1"}), ({}, TOLERANT)]
    for wants, less in pairs:
        cluster = Cluster("NodeResourcesFit", pod("waits", **wants))
        cluster.tell(pod("waits", **wants), pod("waits", **less))
        assert cluster.woken
