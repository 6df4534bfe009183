from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.errors import ApiError
from podo.api.meta import condition_of, name_of, uid_of
from podo.controllers import replicaset as module
from podo.controllers.deletionrank import least_useful
from podo.reconcile.actions import Delete
from podo.values import timestamp
from tests.unit.controllers.stage import START, Stage, replicaset, run_pods, running, template


def stage() -> Stage:
    return Stage(module.reconcile)


def pod(name: str, labels: dict[str, str] | None = None, **fields: object) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels or {"app": "web"}},
        "spec": template()["spec"],
        **fields,
    }


def test_creates_what_is_missing_and_tells() -> None:
    s = stage()
    rs = s.put(replicaset(3))
    s.run()
    pods = s.list("Pod")
    assert len(pods) == 3
    assert all(p["metadata"]["ownerReferences"][0]["uid"] == uid_of(rs) for p in pods)
    assert all(name_of(p).startswith("web-") and p["metadata"]["generateName"] == "web-" for p in pods)
    assert s.told == [("Normal", "SuccessfulCreate", f"Created pod: {name_of(p)}") for p in pods]
    assert s.fresh(rs)["status"]["replicas"] == 3
    assert s.everything() == []


def test_creates_nothing_in_a_namespace_that_is_being_deleted() -> None:
    s = stage()
    metadata = {"name": "default", "deletionTimestamp": timestamp.time(START), "finalizers": ["a"]}
    s.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    rs = s.put(replicaset(3))
    s.run()
    assert s.list("Pod") == [] and s.told == []
    assert s.fresh(rs)["status"]["replicas"] == 0


def test_counts_ready_and_available_after_min_ready_seconds() -> None:
    s = stage()
    rs = s.put(replicaset(2, minReadySeconds=10))
    s.run()
    run_pods(s)
    s.run()
    status = s.fresh(rs)["status"]
    assert status["readyReplicas"] == 2 and "availableReplicas" not in status
    s.pass_time(11)
    assert s.fresh(rs)["status"]["availableReplicas"] == 2


def test_shrinks_and_replaces() -> None:
    s = stage()
    rs = s.put(replicaset(4))
    s.run()
    run_pods(s)
    s.run()
    s.remove(s.list("Pod")[0])
    s.run()
    assert len(s.list("Pod")) == 4
    s.change(rs, {"spec": {"replicas": 1}})
    s.run()
    left = s.list("Pod")
    assert len(left) == 1 and left[0]["status"]["phase"] == "Running", "the pod that did not run goes first"
    assert s.reasons().count("SuccessfulDelete") == 3


def test_adopts_orphans_and_releases_what_no_longer_matches() -> None:
    s = stage()
    s.put(pod("orphan"))
    rs = s.put(replicaset(2))
    s.run()
    assert [p["metadata"]["ownerReferences"][0]["uid"] for p in s.list("Pod")] == [uid_of(rs)] * 2
    s.change(s.get("Pod", "orphan", "default"), {"metadata": {"labels": {"app": "debug"}}})
    s.run()
    assert s.get("Pod", "orphan", "default")["metadata"]["ownerReferences"] == []
    assert len(s.list("Pod")) == 3


def test_leaves_the_pods_of_others_alone() -> None:
    s = stage()
    foreign = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "other", "controller": True}
    other = pod("taken")
    other["metadata"]["ownerReferences"] = [foreign]
    s.put(other)
    s.put(replicaset(0))
    s.run()
    assert [name_of(p) for p in s.list("Pod")] == ["taken"]
    assert s.fresh(other)["metadata"]["ownerReferences"] == [foreign]


def test_a_refused_create_becomes_a_condition_and_goes_away() -> None:
    s = stage()
    s.refuse["Create", "Pod"] = ApiError("Forbidden", 'pods "web-1" is forbidden: exceeded quota')
    rs = s.put(replicaset(5))
    s.run()
    failure = condition_of(s.fresh(rs), "ReplicaFailure")
    assert failure and failure["reason"] == "FailedCreate" and "exceeded quota" in failure["message"]
    assert set(s.told) == {("Warning", "FailedCreate", 'Error creating: pods "web-1" is forbidden: exceeded quota')}
    s.refuse.clear()
    s.dirty.append((module.reconcile, module.Key("default", "web")))
    s.run()
    assert condition_of(s.fresh(rs), "ReplicaFailure") is None and len(s.list("Pod")) == 5


def test_finished_pods_are_replaced_and_terminating_ones_counted() -> None:
    s = stage()
    s.graceful_pods = True
    rs = s.put(replicaset(2))
    s.run()
    first, second = s.list("Pod")
    s.change(first, {"status": {"phase": "Failed"}})
    s.change(second, {"metadata": {"deletionTimestamp": timestamp.time(s.now)}})
    s.run()
    assert len(s.list("Pod")) == 4
    assert s.fresh(rs)["status"]["terminatingReplicas"] == 1 and s.fresh(rs)["status"]["replicas"] == 2


def test_a_deleted_replicaset_makes_no_pods() -> None:
    s = stage()
    rs = replicaset(2)
    rs["metadata"].update(deletionTimestamp=timestamp.time(s.now), finalizers=["foregroundDeletion"])
    s.put(rs)
    s.run()
    assert s.list("Pod") == []


SIDECAR = {"nodeName": "n", "initContainers": [{"name": "s", "restartPolicy": "Always"}, {"name": "i"}]}
RESTARTED = [{"name": "s", "restartCount": 3}, {"name": "i", "restartCount": 9}]
RANKED = [
    ("unassigned", {"spec": {}}),
    ("pending", {"status": {"phase": "Pending"}}),
    ("unknown", {"status": {"phase": "Unknown"}}),
    ("unready", {"status": running(START - 100, ready=False)}),
    ("cheap", {"status": running(START - 100), "cost": "-5"}),
    ("crowded", {"status": running(START - 100), "spec": {"nodeName": "crowded"}}),
    ("young", {"status": running(START - 10)}),
    ("restarted", {"status": {**running(START - 1000), "containerStatuses": [{"restartCount": 7}]}}),
    ("restarted-sidecar", {"spec": SIDECAR, "status": {**running(START - 1000), "initContainerStatuses": RESTARTED}}),
    ("late", {"status": running(START - 1000), "created": START - 2000}),
    ("old", {"status": running(START - 1000), "created": START - 90000}),
]


@pytest.mark.parametrize("seed", range(5))
def test_order_of_deletion(seed: int) -> None:
    pods = []
    for name, facts in RANKED:
        one = pod(name, spec=facts.get("spec", {"nodeName": f"node-{name}"}), status=facts.get("status", {}))
        one["metadata"]["uid"] = name
        one["metadata"]["creationTimestamp"] = timestamp.time(facts.get("created", START - 2000))
        if "cost" in facts:
            one["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": facts["cost"]}
        pods.append(one)
    neighbour = pod("neighbour", spec={"nodeName": "crowded"}, status=running(START))
    random.Random(seed).shuffle(pods)
    order = [name_of(p) for p in least_useful(pods, len(pods) - 1, [*pods, neighbour], START)]
    assert order == [name for name, _ in RANKED][:-1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 8), st.integers(0, 8), st.lists(st.sampled_from(["lose", "fail", "orphan", "relabel", "ready"])))
def test_whatever_happens_it_comes_to_the_wanted_number_and_rests(first: int, last: int, happenings: list[str]) -> None:
    s = stage()
    rs = s.put(replicaset(first))
    bystander = s.put(pod("bystander", {"app": "other"}))
    s.run()
    for number, what in enumerate(happenings):
        pods = [p for p in s.list("Pod") if name_of(p) != "bystander"]
        if what == "orphan":
            s.put(pod(f"orphan-{number}"))
        elif what == "ready":
            run_pods(s, 2)
        elif pods and what == "lose":
            s.remove(pods[0])
        elif pods and what == "fail":
            s.change(pods[0], {"status": {"phase": "Failed"}})
        elif pods and what == "relabel":
            s.change(pods[0], {"metadata": {"labels": {"app": "loose"}}})
        if number % 2:
            s.run()
    s.change(rs, {"spec": {"replicas": last}})
    s.run()
    mine = [p for p in s.owned_by(s.fresh(rs), "Pod") if (p.get("status") or {}).get("phase") != "Failed"]
    assert len(mine) == last == s.fresh(rs)["status"]["replicas"]
    assert s.everything() == []
    assert s.fresh(bystander)["metadata"].get("ownerReferences") is None
    assert not any(isinstance(w, Delete) and name_of(w.obj) == "bystander" for w in s.writes)
