from __future__ import annotations

from typing import Any

import pytest

from podo.controllers import disruption as module
from podo.controllers import replicaset as replicasets
from podo.values import timestamp
from tests.unit.controllers.stage import Stage, replicaset, run_pods


def budget(**spec: Any) -> dict:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


def stage(replicas: int = 5, running: int = 5) -> Stage:
    s = Stage(replicasets.reconcile, module.reconcile)
    s.put(replicaset(replicas))
    s.run()
    run_pods(s, running)
    s.run()
    return s


def status(s: Stage) -> dict:
    return s.get("PodDisruptionBudget", "web", "default")["status"]


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"minAvailable": 3}, 3, 2),
        ({"minAvailable": "50%"}, 3, 2),
        ({"maxUnavailable": 1}, 4, 1),
        ({"maxUnavailable": "30%"}, 3, 2),
        ({"minAvailable": 9}, 9, 0),
        ({}, 0, 5),
    ],
)
def test_what_is_allowed(spec: dict, desired: int, allowed: int) -> None:
    s = stage()
    s.put(budget(**spec))
    s.run()
    found = status(s)
    assert (found["expectedPods"], found["currentHealthy"]) == (5, 5)
    assert (found["desiredHealthy"], found["disruptionsAllowed"]) == (desired, allowed)
    (condition,) = found["conditions"]
    assert condition["reason"] == ("SufficientPods" if allowed else "InsufficientPods")
    assert s.everything() == []


def test_unready_pods_do_not_count_as_healthy() -> None:
    s = stage(running=3)
    s.put(budget(maxUnavailable=2))
    s.run()
    assert (status(s)["currentHealthy"], status(s)["disruptionsAllowed"]) == (3, 0)
    run_pods(s)
    s.run()
    assert status(s)["disruptionsAllowed"] == 2


def test_an_allowed_eviction_is_forgotten_after_two_minutes() -> None:
    s = stage()
    b = s.put(budget(maxUnavailable=2))
    s.run()
    name = s.list("Pod")[0]["metadata"]["name"]
    s.change(b, {"status": {"disruptionsAllowed": 1, "disruptedPods": {name: timestamp.time(s.now)}}})
    s.run()
    assert status(s)["disruptionsAllowed"] == 1 and list(status(s)["disruptedPods"]) == [name]
    s.pass_time(125)
    assert status(s)["disruptionsAllowed"] == 2 and "disruptedPods" not in status(s)
    text = "Pod was expected by PDB default/web to be deleted but it wasn't"
    assert s.told.count(("Warning", "NotDeleted", text)) == 1


def test_pods_without_a_controller_are_in_no_share_and_their_user_is_told() -> None:
    s = stage()
    loose = {"name": "loose", "namespace": "default", "labels": {"app": "loose"}}
    s.put({"apiVersion": "v1", "kind": "Pod", "metadata": loose, "spec": {"containers": []}})
    both = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "loose"]}]}
    s.put(budget(minAvailable=3, selector=both))
    s.run()
    assert status(s)["expectedPods"] == 6 and "UnmanagedPods" not in s.reasons()
    s.put(budget(maxUnavailable=1, selector=both))
    s.run()
    assert (status(s)["expectedPods"], status(s)["disruptionsAllowed"]) == (5, 1)
    (message,) = {message for _, reason, message in s.told if reason == "UnmanagedPods"}
    expression = "LabelSelectorRequirement{Key:app,Operator:In,Values:[web loose],},"
    fields = f"MatchLabels:map[string]string{{}},MatchExpressions:[]LabelSelectorRequirement{{{expression}}},"
    assert message.startswith(f"Pods selected by this PodDisruptionBudget (selector: &LabelSelector{{{fields}}}) were")


def test_what_a_pod_says_of_its_disruption_is_taken_back_when_nothing_came_of_it() -> None:
    s = Stage(module.stale)
    said = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": timestamp.time(s.now)}
    for reason in ("EvictionByEvictionAPI", "TerminationByKubelet"):
        metadata = {"name": reason.lower(), "namespace": "default"}
        conditions = [{**said, "reason": reason}]
        s.put(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": {"conditions": conditions}}
        )
    s.run().pass_time(119)
    assert s.writes == []
    s.pass_time(2)
    assert [pod["status"]["conditions"][0]["status"] for pod in s.list("Pod")] == ["False", "True"]


def test_pods_of_kinds_without_a_size_cannot_be_counted_by_share() -> None:
    s = stage()
    loose = {"name": "loose", "namespace": "default", "labels": {"app": "web"}}
    s.put(budget(maxUnavailable=1))
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "x", "uid": "x", "controller": True}
    metadata = {**loose, "ownerReferences": [owner]}
    s.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}})
    s.run()
    (condition,) = status(s)["conditions"]
    assert condition["reason"] == "SyncFailed" and status(s)["disruptionsAllowed"] == 0
    assert condition["message"] == "daemonsets.apps does not implement the scale subresource"
    assert "CalculateExpectedPodCountFailed" in s.reasons()
