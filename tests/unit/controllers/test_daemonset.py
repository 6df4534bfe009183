from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.meta import labels_of, name_of, uid_of
from podo.controllers.daemonset import sync as module
from podo.controllers.daemonset.placement import target_of
from tests.unit.controllers.stage import Stage, running, template


def node(name: str, labels: dict[str, str] | None = None, taints: list[dict] | None = None) -> dict:
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints or []}}


def daemonset(image: str = "agent:1", strategy: dict | None = None, **spec: Any) -> dict:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": template(image, app="agent"),
            "updateStrategy": strategy or rolling(),
            "revisionHistoryLimit": 10,
            **spec,
        },
    }


def rolling(unavailable: int | str = 1, surge: int | str = 0) -> dict:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable, "maxSurge": surge}}


def stage(nodes: int = 3) -> Stage:
    s = Stage(module.daemonset())
    for number in range(nodes):
        s.put(node(f"n{number}"))
    return s


def run_pods(s: Stage, ready: bool = True, only: str = "") -> None:
    """As scheduler and kubelets: each pod runs on the node it was made for."""
    for pod in s.list("Pod"):
        if (pod.get("status") or {}).get("phase") != "Running" and only in ("", target_of(pod)):
            s.put({**pod, "spec": {**pod["spec"], "nodeName": target_of(pod)}, "status": running(s.now, ready)})
    s.run()


def images(s: Stage) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["image"] for pod in s.list("Pod"))


def roll_out(s: Stage, most_missing: int, most: int) -> None:
    """Until nothing changes any more, within the bounds at each step."""
    for _ in range(40):
        s.run()
        pods = s.list("Pod")
        assert len(pods) <= most
        ready = sum((pod.get("status") or {}).get("phase") == "Running" for pod in pods)
        assert ready >= 3 - most_missing
        if ready == len(pods):
            return
        run_pods(s)
    raise AssertionError("no end")


def test_one_pod_a_node_which_only_that_node_may_take() -> None:
    s = stage()
    ds = s.put(daemonset())
    s.run()
    pods = s.list("Pod")
    assert sorted(map(target_of, pods)) == ["n0", "n1", "n2"]
    (revision,) = s.list("ControllerRevision")
    assert revision["revision"] == 1 and name_of(revision) == f"agent-{labels_of(revision)['controller-revision-hash']}"
    assert revision["data"]["spec"]["template"]["$patch"] == "replace"
    for pod in pods:
        assert labels_of(pod)["controller-revision-hash"] == labels_of(revision)["controller-revision-hash"]
        assert {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"} in pod["spec"][
            "tolerations"
        ]
        assert len(pod["spec"]["tolerations"]) == 6
    assert s.reasons() == ["SuccessfulCreate"] * 3
    run_pods(s)
    assert s.fresh(ds)["status"] == {
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 3,
        "numberReady": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
        "observedGeneration": 1,
    }
    assert s.everything() == []


def test_nodes_come_and_go() -> None:
    s = stage(1)
    s.put(daemonset())
    s.run()
    s.put(node("n9"))
    s.run()
    assert sorted(map(target_of, s.list("Pod"))) == ["n0", "n9"]
    s.remove(s.get("Node", "n9"))
    s.run()
    assert [target_of(pod) for pod in s.list("Pod")] == ["n0"], "a pod that was not bound yet has nowhere to go"


@pytest.mark.parametrize(
    ("taint", "present", "later"),
    [
        ({"key": "a", "effect": "NoSchedule"}, 2, 3),
        ({"key": "a", "effect": "NoExecute"}, 2, 2),
        ({"key": "a", "effect": "PreferNoSchedule"}, 3, 3),
        ({"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}, 3, 3),
        ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, 3, 3),
        ({"key": "node.kubernetes.io/network-unavailable", "effect": "NoSchedule"}, 2, 3),
    ],
)
def test_taints(taint: dict, present: int, later: int) -> None:
    s = stage(2)
    s.put(node("n2", taints=[taint]))
    s.put(daemonset())
    s.run()
    assert len(s.list("Pod")) == present
    s = stage(3)
    ds = s.put(daemonset())
    s.run()
    run_pods(s)
    s.change(s.get("Node", "n2"), {"spec": {"taints": [taint]}})
    s.run()
    assert len(s.list("Pod")) == later
    assert s.fresh(ds)["status"]["desiredNumberScheduled"] == present
    assert s.fresh(ds)["status"]["numberMisscheduled"] == later - present


def test_node_selector_and_affinity() -> None:
    s = stage(1)
    s.put(node("disk", {"disk": "ssd", "zone": "a"}))
    s.put(node("far", {"disk": "ssd", "zone": "b"}))
    ds = daemonset()
    ds["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    term = {"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["b"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    ds["spec"]["template"]["spec"]["affinity"] = {"nodeAffinity": required}
    s.put(ds)
    s.run()
    assert [target_of(pod) for pod in s.list("Pod")] == ["disk"]
    s.change(s.get("Node", "n0"), {"metadata": {"labels": {"disk": "ssd"}}})
    s.change(s.get("Node", "disk"), {"metadata": {"labels": {"disk": None}}})
    s.run()
    assert [target_of(pod) for pod in s.list("Pod")] == ["n0"]


def test_rolling_update_keeps_all_but_max_unavailable() -> None:
    s = stage()
    ds = s.put(daemonset())
    s.run()
    run_pods(s)
    s.put({**s.fresh(ds), "spec": daemonset("agent:2")["spec"]})
    roll_out(s, most_missing=1, most=3)
    assert images(s) == ["agent:2"] * 3
    assert s.fresh(ds)["status"]["updatedNumberScheduled"] == 3
    assert sorted(r["revision"] for r in s.list("ControllerRevision")) == [1, 2]
    assert s.everything() == []


def test_surge_starts_the_new_pod_before_the_old_one_goes() -> None:
    s = stage()
    ds = s.put(daemonset(strategy=rolling(0, 1)))
    s.run()
    run_pods(s)
    s.put({**s.fresh(ds), "spec": daemonset("agent:2", rolling(0, 1))["spec"]})
    roll_out(s, most_missing=0, most=4)
    assert images(s) == ["agent:2"] * 3


def test_on_delete_waits_for_the_user() -> None:
    s = stage()
    ds = s.put(daemonset(strategy={"type": "OnDelete"}))
    s.run()
    run_pods(s)
    s.put({**s.fresh(ds), "spec": daemonset("agent:2", {"type": "OnDelete"})["spec"]})
    s.run()
    assert images(s) == ["agent:1"] * 3 and "updatedNumberScheduled" not in s.fresh(ds)["status"]
    s.remove(s.list("Pod")[0])
    s.run()
    assert images(s) == ["agent:1"] * 2 + ["agent:2"]


def test_rollback_renumbers_the_old_revision_and_leaves_its_pods() -> None:
    s = stage()
    ds = s.put(daemonset())
    s.run()
    run_pods(s)
    s.put({**s.fresh(ds), "spec": daemonset("agent:2")["spec"]})
    s.run()
    run_pods(s)  # the first of three is replaced
    kept = {uid_of(pod) for pod in s.list("Pod") if pod["spec"]["containers"][0]["image"] == "agent:1"}
    s.put({**s.fresh(ds), "spec": daemonset("agent:1")["spec"]})
    roll_out(s, most_missing=1, most=3)
    assert images(s) == ["agent:1"] * 3 and kept <= {uid_of(pod) for pod in s.list("Pod")}
    assert sorted(r["revision"] for r in s.list("ControllerRevision")) == [2, 3]


def test_history_is_cut_but_not_below_what_pods_have() -> None:
    s = stage()
    ds = s.put(daemonset(revisionHistoryLimit=1))
    for number in range(1, 6):
        s.put({**s.fresh(ds), "spec": daemonset(f"agent:{number}", revisionHistoryLimit=1)["spec"]})
        roll_out(s, most_missing=3, most=3)
    assert sorted(r["revision"] for r in s.list("ControllerRevision")) == [4, 5]


def test_a_failed_pod_is_told_and_replaced() -> None:
    s = stage(1)
    s.put(daemonset())
    s.run()
    run_pods(s)
    (pod,) = s.list("Pod")
    s.change(pod, {"status": {"phase": "Failed"}})
    s.run()
    s.pass_time(2)
    (new,) = s.list("Pod")
    assert uid_of(new) != uid_of(pod) and "FailedDaemonPod" in s.reasons()
    message = f"Found failed daemon pod default/{name_of(pod)} on node n0, will try to kill it"
    assert ("Warning", "FailedDaemonPod", message) in s.told


def test_where_pods_go_on_failing_each_is_left_longer() -> None:
    s = stage(1)
    ds = s.put(daemonset())
    s.run()
    made: list[float] = []

    def fail() -> None:
        made.append(s.now)
        s.change(s.list("Pod")[0], {"status": {"phase": "Failed"}})
        s.run()

    for _ in range(12):
        before = uid_of(s.list("Pod")[0])
        fail()
        while uid_of(s.list("Pod")[0]) == before:
            s.pass_time(0.5)
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(made)]
    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    s.put({**s.fresh(ds), "spec": daemonset("agent:2")["spec"]})
    s.run()
    (pod,) = s.list("Pod")
    fail()
    assert uid_of(s.list("Pod")[0]) != uid_of(pod), "another template starts anew"


def test_another_owners_revision_of_the_same_name_is_a_collision() -> None:
    s = stage(1)
    s.put(daemonset())
    s.run()
    (revision,) = s.list("ControllerRevision")
    s = stage(1)
    stranger = {**revision, "metadata": {"name": name_of(revision), "namespace": "default"}}
    s.put(stranger)
    ds = s.put(daemonset())
    s.run()
    assert s.fresh(ds)["status"]["collisionCount"] == 1
    assert len(s.list("ControllerRevision")) == 2 and len(s.list("Pod")) == 1


def test_min_ready_seconds() -> None:
    s = stage(1)
    ds = s.put(daemonset(minReadySeconds=5))
    s.run()
    run_pods(s)
    assert "numberAvailable" not in s.fresh(ds)["status"] and s.fresh(ds)["status"]["numberUnavailable"] == 1
    s.pass_time(6)
    assert s.fresh(ds)["status"]["numberAvailable"] == 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), surge=st.booleans())
def test_it_ends_with_one_new_pod_a_node_whatever_happens(seed: int, surge: bool) -> None:
    chance = random.Random(seed)
    s = stage(4)
    ds = s.put(daemonset(strategy=rolling(0, 2) if surge else rolling(2)))
    foreign = s.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "default"}, "spec": {}})
    for number in range(12):
        what = chance.randrange(5)
        pods = [pod for pod in s.list("Pod") if name_of(pod) != "x"]
        if what == 0:
            fresh = s.fresh(ds)
            spec = daemonset(f"agent:{chance.randrange(3)}")["spec"]
            s.put({**fresh, "spec": {**fresh["spec"], "template": spec["template"]}})
        elif what == 1 and pods:
            s.remove(chance.choice(pods))
        elif what == 2:
            s.put(node(f"more{number}"))
        elif what == 3 and pods:
            s.change(chance.choice(pods), {"status": {"phase": "Failed"}})
        else:
            run_all(s, chance)
        s.run()
    for _ in range(60):
        s.pass_time(2)
        run_all(s, None)
        s.run()
    wanted = s.fresh(ds)["spec"]["template"]["spec"]["containers"][0]["image"]
    pods = [pod for pod in s.list("Pod") if name_of(pod) != "x"]
    assert sorted(map(target_of, pods)) == sorted(name_of(n) for n in s.list("Node"))
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {wanted}
    assert s.fresh(foreign) == foreign and s.everything() == []


def run_all(s: Stage, chance: random.Random | None) -> None:
    for pod in s.list("Pod"):
        phase = (pod.get("status") or {}).get("phase")
        if name_of(pod) != "x" and phase not in ("Running", "Failed") and (chance is None or chance.random() < 0.5):
            s.put({**pod, "spec": {**pod["spec"], "nodeName": target_of(pod)}, "status": running(s.now)})
