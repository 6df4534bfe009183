"""What controllers do for nodes, and for pods whose node is in trouble."""

from __future__ import annotations

import pytest

from podo.api.kind import Obj
from podo.api.meta import annotations_of, condition_of, name_of
from podo.controllers import eventttl, podgc
from podo.controllers.nodeipam import nodeipam
from podo.controllers.nodelifecycle import nodelifecycle
from podo.controllers.tainteviction import tainteviction
from podo.controllers.ttl import ttl
from podo.reconcile.actions import EnsureAbsent, Patch
from podo.reconcile.declare import Key
from podo.values import timestamp
from tests.unit.controllers.stage import Stage, running


def node(name: str = "n1", ready: str = "True", **spec: object) -> Obj:
    condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": timestamp.time(1_800_000_000)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"conditions": [condition]},
    }


def pod(name: str = "p", node_name: str = "n1", phase: str = "Running", **spec: object) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [], **({"nodeName": node_name} if node_name else {}), **spec},
        "status": {**running(0), "phase": phase},
    }


def lease(s: Stage, name: str = "n1") -> Obj:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"renewTime": timestamp.micro_time(s.now)},
    }


def put_healthy(s: Stage) -> None:
    """Another node, which is not lost: where all are, nothing is evicted."""
    s.put(node(name="n2"))
    ahead = lease(s, "n2")
    ahead["spec"]["renewTime"] = timestamp.micro_time(s.now + 1_000_000)
    s.put(ahead)


def taints(s: Stage) -> list[tuple[str, str]]:
    return [(t["key"], t["effect"]) for t in (s.list("Node")[0].get("spec") or {}).get("taints") or []]


def test_heartbeats_keep_a_node_and_silence_loses_it() -> None:
    s = Stage(nodelifecycle())
    s.put(node())
    put_healthy(s)
    s.put(pod())
    for _ in range(10):
        s.put(lease(s))
        s.run().pass_time(30)
    assert s.writes == []
    s.pass_time(51)
    assert condition_of(s.list("Node")[0], "Ready")["reason"] == "NodeStatusUnknown"
    assert condition_of(s.list("Node")[0], "DiskPressure")["reason"] == "NodeStatusNeverUpdated"
    assert condition_of(s.list("Pod")[0], "Ready")["status"] == "False"
    assert taints(s) == [
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    ]
    assert ("Normal", "NodeNotReady", "Node n1 status is now: NodeNotReady") in s.told
    assert s.everything() == []
    s.put(lease(s))
    s.put({**s.list("Node")[0], "status": node()["status"]})
    s.run()
    assert taints(s) == []


def test_conditions_become_taints_and_others_are_kept() -> None:
    s = Stage(nodelifecycle())
    n = node(ready="False", unschedulable=True, taints=[{"key": "mine", "effect": "NoSchedule"}])
    n["status"]["conditions"].append({"type": "MemoryPressure", "status": "True"})
    s.put(n)
    put_healthy(s)
    s.run().pass_time(1)
    assert taints(s) == [
        ("mine", "NoSchedule"),
        ("node.kubernetes.io/not-ready", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
        ("node.kubernetes.io/not-ready", "NoExecute"),
    ]
    assert s.everything() == []


EXISTS = {"key": "bad", "operator": "Exists"}


@pytest.mark.parametrize(
    ("tolerations", "after"),
    [
        ([], 0),
        ([EXISTS], None),
        ([{**EXISTS, "tolerationSeconds": 20}], 20),
        ([{**EXISTS, "tolerationSeconds": -1}], 0),
        ([EXISTS, {**EXISTS, "tolerationSeconds": 20}], None),
        ([{**EXISTS, "tolerationSeconds": 20}, EXISTS], 20),
    ],
)
@pytest.mark.parametrize("dated", [True, False])
def test_eviction(tolerations: list[Obj], after: float | None, dated: bool) -> None:
    s = Stage(tainteviction())
    p = s.put(pod(tolerations=tolerations))
    n = s.put(node())
    s.run().pass_time(100)
    assert s.list("Pod") == [p]
    since = {"timeAdded": timestamp.time(s.now)} if dated else {}  # kubectl taint says nothing of the time
    s.change(n, {"spec": {"taints": [{"key": "bad", "effect": "NoExecute", **since}]}})
    s.run()
    if after != 0:
        s.pass_time((after or 10_000) / 2)
        s.change(p, {"metadata": {"labels": {"seen": "again"}}})
        s.run().pass_time((after or 10_000) / 2 - 1)
        assert len(s.list("Pod")) == 1
        s.pass_time(2)
    assert (s.list("Pod") == []) is (after is not None)
    assert s.reasons().count("TaintManagerEviction") == (after is not None)
    said = [w.patch["status"]["conditions"][0]["reason"] for w in s.writes if isinstance(w, Patch)]
    assert said == ["DeletionByTaintManager"] * (after is not None)


def test_an_eviction_is_called_off_when_the_taint_goes() -> None:
    s = Stage(tainteviction())
    s.put(pod(tolerations=[{**EXISTS, "tolerationSeconds": 20}]))
    n = s.put(node(taints=[{"key": "bad", "effect": "NoExecute", "timeAdded": timestamp.time(s.now)}]))
    s.run().pass_time(10)
    s.change(n, {"spec": {"taints": None}})
    s.run().pass_time(100)
    assert len(s.list("Pod")) == 1
    assert s.told == [("Normal", "TaintManagerEviction", "Cancelling deletion of Pod default/p")]


def test_a_pod_that_comes_after_the_taint_has_its_whole_time() -> None:
    s = Stage(tainteviction())
    s.put(node(taints=[{"key": "bad", "effect": "NoExecute", "timeAdded": timestamp.time(s.now)}]))
    s.pass_time(1000)
    s.put(pod(tolerations=[{**EXISTS, "tolerationSeconds": 20}]))
    s.run().pass_time(19)
    assert len(s.list("Pod")) == 1
    s.pass_time(2)
    assert s.list("Pod") == []


def test_a_node_that_never_reported_has_a_minute() -> None:
    s = Stage(nodelifecycle())
    put_healthy(s)
    s.put({**node(), "status": {}})
    s.run().pass_time(59)
    assert condition_of(s.list("Node")[0], "Ready") is None
    s.pass_time(2)
    assert condition_of(s.list("Node")[0], "Ready")["reason"] == "NodeStatusNeverUpdated"


def test_networks_are_given_once_and_come_back() -> None:
    s = Stage(nodeipam("10.0.0.0/22", 24))
    for name in "abcd":
        s.put(node(name))
    s.run()
    assert [n["spec"]["podCIDR"] for n in s.list("Node")] == [f"10.0.{i}.0/24" for i in range(4)]
    late = s.put(node("e"))
    s.run()
    assert "podCIDR" not in s.fresh(late)["spec"] and s.reasons() == ["CIDRNotAvailable"]
    s.remove(s.list("Node")[1])
    s.run()
    assert s.fresh(late)["spec"]["podCIDRs"] == ["10.0.1.0/24"]
    with pytest.raises(ValueError, match="larger"):
        nodeipam("10.0.0.0/24", 16)


def test_pods_that_nobody_will_end() -> None:
    s = Stage(podgc.reconcile, podgc.orphaned, podgc.finished_pods())
    n = s.put(node())
    unscheduled = pod("unscheduled", node_name="", phase="Pending")
    unscheduled["metadata"].update(deletionTimestamp=timestamp.time(s.now), finalizers=["example.com/x"])
    s.put(unscheduled)
    s.put(pod("stays"))
    s.put(pod("ended", phase="Succeeded"))
    s.run()
    assert [type(w).__name__ for w in s.writes[:2]] == ["Patch", "Delete"]
    assert {name_of(w.obj) for w in s.writes} == {"unscheduled"}
    assert s.list("Pod")[-1]["status"]["phase"] == "Failed"  # a Job that counts it has to know
    s.writes.clear()
    s.remove(n)
    s.run().pass_time(39)
    assert s.writes == []
    s.pass_time(2)
    assert {name_of(p) for p in s.list("Pod")} == {"unscheduled"}
    (patch,) = [w for w in s.writes if type(w).__name__ == "Patch"]
    assert patch.patch["status"]["phase"] == "Failed"
    assert patch.patch["status"]["conditions"][0]["reason"] == "DeletionByPodGC"


def test_a_node_that_was_not_seen_yet_is_waited_and_asked_for_before_its_pods_go() -> None:
    s = Stage(podgc.orphaned)
    s.put(pod())
    s.run().pass_time(30)
    first, *_ = podgc.orphaned.reconcile(Key("default", "p"), s)
    assert first == EnsureAbsent("Node", name="n1")
    s.put(node())
    s.run().pass_time(100)
    assert [name_of(p) for p in s.list("Pod")] == ["p"] and s.writes == []


def test_the_oldest_finished_pods_go() -> None:
    s = Stage(podgc.finished_pods(3))
    for number in range(5):
        s.now += 1
        s.put(pod(f"p{number}", phase="Succeeded"))
    s.put(pod("runs"))
    s.run()
    assert [name_of(p) for p in s.list("Pod")] == ["p2", "p3", "p4", "runs"]
    evicted = pod("young", phase="Failed")
    evicted["status"]["reason"] = "Evicted"
    s.put(evicted)
    s.run()
    assert [name_of(p) for p in s.list("Pod")] == ["p2", "p3", "p4", "runs"]


def test_kubelets_of_large_clusters_may_keep_what_they_read_longer() -> None:
    s = Stage(ttl())
    first = s.put(node("n0"))
    s.run()
    assert annotations_of(s.fresh(first)) == {"node.alpha.kubernetes.io/ttl": "0"}
    made = [s.put(node(f"n{number}")) for number in range(1, 101)]
    s.change(first, {"metadata": {"labels": {"seen": "again"}}})
    s.run().pass_time(11)
    assert {annotations_of(s.fresh(one))["node.alpha.kubernetes.io/ttl"] for one in (first, made[-1])} == {"15"}
    for one in made[:11]:  # 90 are left, which is not few yet
        s.remove(one)
    s.change(first, {"metadata": {"labels": {"seen": "once more"}}})
    s.run().pass_time(11)
    assert annotations_of(s.fresh(first))["node.alpha.kubernetes.io/ttl"] == "15"
    s.remove(made[11])
    s.change(first, {"metadata": {"labels": {"seen": "a last time"}}})
    s.run().pass_time(11)
    assert annotations_of(s.fresh(first))["node.alpha.kubernetes.io/ttl"] == "0"


def test_events_last_an_hour() -> None:
    s = Stage(eventttl.reconcile)
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"}}
    e = s.put({**event, "lastTimestamp": timestamp.time(s.now)})
    s.run().pass_time(3000)
    s.change(e, {"lastTimestamp": timestamp.time(s.now)})
    s.run().pass_time(3500)
    assert len(s.list("Event")) == 1
    s.pass_time(200)
    assert s.list("Event") == []
