from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import annotations_of, condition_of, labels_of, name_of, uid_of
from podo.controllers import replicaset
from podo.controllers.deployment import sync
from podo.controllers.deployment.rollout import max_surge, max_unavailable
from podo.values import timestamp
from tests.unit.controllers.stage import Stage, deployment, run_pods

REVISION = "deployment.kubernetes.io/revision"


def stage() -> Stage:
    return Stage(sync.reconcile, replicaset.reconcile)


def running(s: Stage, obj: Obj) -> Obj:
    """The Deployment rolled out as far as it goes."""
    s.put(obj) if (obj["kind"], "default", name_of(obj)) not in s.objects else None
    s.run()
    while run_pods(s, 1):
        s.run()
    return s.fresh(obj)


def set_image(s: Stage, obj: Obj, image: str) -> None:
    s.change(obj, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})


def sets(s: Stage) -> list[Obj]:
    return sorted(s.list("ReplicaSet"), key=lambda rs: int(annotations_of(rs)[REVISION]))


def condition(obj: Obj, kind: str) -> tuple[str, str, str]:
    found = condition_of(obj, kind)
    assert found is not None
    return found["status"], found["reason"], found["message"]


def test_first_rollout() -> None:
    s = stage()
    d = s.put(deployment(3))
    s.run()
    (rs,) = s.list("ReplicaSet")
    hashed = labels_of(rs)["pod-template-hash"]
    assert name_of(rs) == f"web-{hashed}" and rs["spec"]["selector"]["matchLabels"]["pod-template-hash"] == hashed
    assert all(labels_of(p)["pod-template-hash"] == hashed for p in s.list("Pod"))
    assert annotations_of(rs) == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }
    assert ("Normal", "ScalingReplicaSet", f"Scaled up replica set {name_of(rs)} from 0 to 3") in s.told
    d = s.fresh(d)
    assert annotations_of(d)[REVISION] == "1"
    text = "Deployment does not have minimum availability."
    assert condition(d, "Available") == ("False", "MinimumReplicasUnavailable", text)
    assert condition(d, "Progressing") == ("True", "ReplicaSetUpdated", f'ReplicaSet "{name_of(rs)}" is progressing.')
    d = running(s, d)
    status = {key: value for key, value in d["status"].items() if key != "conditions"}
    assert status == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    text = f'ReplicaSet "{name_of(rs)}" has successfully progressed.'
    assert condition(d, "Progressing") == ("True", "NewReplicaSetAvailable", text)
    text = "Deployment has minimum availability."
    assert condition(d, "Available") == ("True", "MinimumReplicasAvailable", text)
    assert s.everything() == []


@pytest.mark.parametrize(
    ("surge", "unavailable", "expected"),
    [("25%", "25%", (3, 2)), (1, 0, (1, 0)), (0, 0, (0, 1)), ("0%", "1%", (0, 1)), ("100%", 20, (10, 10))],
)
def test_fenceposts(surge: int | str, unavailable: int | str, expected: tuple[int, int]) -> None:
    d = deployment(10)
    d["spec"]["strategy"]["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    assert (max_surge(d), max_unavailable(d)) == expected


sizes = st.one_of(st.integers(0, 4), st.sampled_from(["0%", "25%", "50%", "100%"]))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), sizes, sizes, st.booleans())
def test_rolling_stays_within_its_bounds(replicas: int, surge: int | str, unavailable: int | str, slowly: bool) -> None:
    s = stage()
    d = deployment(replicas)
    d["spec"]["strategy"]["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    d = running(s, d)
    most, least = replicas + max_surge(d), replicas - max_unavailable(d)
    set_image(s, d, "nginx:2")
    for _ in range(200):
        s.run()
        ready = [p for p in s.list("Pod") if (p.get("status") or {}).get("phase") == "Running"]
        assert len(s.list("Pod")) <= most
        assert len(ready) >= least
        if not run_pods(s, 1 if slowly else None):
            break
    old, new = sets(s)
    assert (old["spec"]["replicas"], new["spec"]["replicas"]) == (0, replicas)
    assert {p["spec"]["containers"][0]["image"] for p in s.list("Pod")} == {"nginx:2"}
    assert condition(s.fresh(d), "Progressing")[1] == "NewReplicaSetAvailable"
    assert s.everything() == []


def test_recreate_waits_for_old_pods_to_be_gone() -> None:
    s = stage()
    d = running(s, deployment(3, strategy={"type": "Recreate"}))
    s.graceful_pods = True
    set_image(s, d, "nginx:2")
    s.run()
    assert len(s.list("ReplicaSet")) == 1
    terminating = s.list("Pod")
    assert all("deletionTimestamp" in p["metadata"] for p in terminating)
    for pod in terminating:
        s.remove(pod)
    s.run()
    assert len(s.list("ReplicaSet")) == 2
    assert {p["spec"]["containers"][0]["image"] for p in s.list("Pod")} == {"nginx:2"}


def test_history_rollback_and_clean_up() -> None:
    s = stage()
    d = running(s, deployment(1, image="nginx:0", revisionHistoryLimit=2))
    for number in range(1, 5):
        set_image(s, d, f"nginx:{number}")
        d = running(s, d)
    kept = sets(s)
    assert [annotations_of(rs)[REVISION] for rs in kept] == ["3", "4", "5"]
    back = kept[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    set_image(s, d, back)
    d = running(s, d)
    assert [annotations_of(rs)[REVISION] for rs in sets(s)] == ["4", "5", "6"]
    newest = sets(s)[-1]
    assert newest["spec"]["template"]["spec"]["containers"][0]["image"] == back == "nginx:2"
    assert annotations_of(newest)["deployment.kubernetes.io/revision-history"] == "3"
    assert annotations_of(d)[REVISION] == "6"
    assert s.everything() == []


def test_paused_neither_rolls_nor_creates_but_scales() -> None:
    s = stage()
    d = running(s, deployment(2))
    s.change(d, {"spec": {"paused": True}})
    s.run()
    assert condition(s.fresh(d), "Progressing") == ("Unknown", "DeploymentPaused", "Deployment is paused")
    set_image(s, d, "nginx:2")
    s.change(d, {"spec": {"replicas": 4}})
    s.run()
    (rs,) = s.list("ReplicaSet")
    assert rs["spec"]["replicas"] == 4
    s.change(d, {"spec": {"paused": None}})
    running(s, d)
    assert [rs["spec"]["replicas"] for rs in sets(s)] == [0, 4]
    assert s.everything() == []


def test_scaling_in_the_middle_of_a_rollout_is_in_proportion() -> None:
    """The example of the Deployment documentation: 10 replicas, maxSurge 3, maxUnavailable 2, 8 old and 5 new,
    scaled to 15.
    """
    s = stage()
    d = deployment(10)
    d["spec"]["strategy"]["rollingUpdate"] = {"maxSurge": 3, "maxUnavailable": 2}
    d = running(s, d)
    set_image(s, d, "broken:1")
    s.run()
    assert [rs["spec"]["replicas"] for rs in sets(s)] == [8, 5]
    s.change(d, {"spec": {"replicas": 15}})
    s.run()
    assert [rs["spec"]["replicas"] for rs in sets(s)] == [11, 7]


def test_history_that_still_has_pods_is_kept_whatever_the_limit() -> None:
    s = stage()
    d = running(s, deployment(4, revisionHistoryLimit=0))
    set_image(s, d, "nginx:2")
    s.run()
    s.change(d, {"spec": {"paused": True}})
    s.run()
    assert [rs["spec"]["replicas"] > 0 for rs in sets(s)] == [True, True]


def test_a_size_that_makes_no_sense_holds_up_no_rollout() -> None:
    s = stage()
    d = s.put(deployment(2))
    s.run()
    (rs,) = sets(s)
    s.change(rs, {"metadata": {"annotations": {"deployment.kubernetes.io/desired-replicas": "many"}}})
    set_image(s, d, "nginx:2")
    s.run()
    assert len(sets(s)) == 2


def test_progress_deadline() -> None:
    s = stage()
    d = s.put(deployment(1, progressDeadlineSeconds=60))
    s.run()
    s.pass_time(50)
    assert condition(s.fresh(d), "Progressing")[1] == "ReplicaSetUpdated"
    s.pass_time(15)
    (rs,) = s.list("ReplicaSet")
    text = f'ReplicaSet "{name_of(rs)}" has timed out progressing.'
    assert condition(s.fresh(d), "Progressing") == ("False", "ProgressDeadlineExceeded", text)
    assert s.everything() == []
    running(s, s.fresh(d))
    assert condition(s.fresh(d), "Progressing")[1] == "NewReplicaSetAvailable"


def test_a_name_taken_by_another_gets_another_hash() -> None:
    s = stage()
    d = s.put(deployment(1))
    foreign = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "other", "controller": True}
    rollout = sync.Rollout(d, None, [], s.now)
    name = name_of(sync.history.new_replicaset(rollout, 1))
    other = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "spec": {**d["spec"], "replicas": 0},
    }
    s.put({**other, "metadata": {"name": name, "namespace": "default", "ownerReferences": [foreign]}})
    s.run()
    assert s.fresh(d)["status"]["collisionCount"] == 1
    (mine,) = s.owned_by(d, "ReplicaSet")
    assert name_of(mine) != name


def test_a_replicaset_that_cannot_be_created() -> None:
    s = stage()
    s.refuse["Create", "ReplicaSet"] = ApiError("Forbidden", "no")
    d = s.put(deployment(1))
    s.run()
    status, reason, message = condition(s.fresh(d), "Progressing")
    assert (status, reason) == ("False", "ReplicaSetCreateError")
    assert message.startswith('Failed to create new replica set "web-') and message.endswith(": no")


def test_failure_of_pods_shows_on_the_deployment() -> None:
    s = stage()
    s.refuse["Create", "Pod"] = ApiError("Forbidden", "exceeded quota")
    d = s.put(deployment(1))
    s.run()
    assert condition(s.fresh(d), "ReplicaFailure") == ("True", "FailedCreate", "exceeded quota")


def test_annotations_reach_the_replicaset_without_those_of_kubectl_apply() -> None:
    s = stage()
    d = deployment(1)
    d["metadata"]["annotations"] = {"team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    d = running(s, d)
    s.change(d, {"metadata": {"annotations": {"kubernetes.io/change-cause": "because"}}})
    s.run()
    found = annotations_of(s.list("ReplicaSet")[0])
    assert found["team"] == "a" and found["kubernetes.io/change-cause"] == "because"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in found


def test_selecting_everything_is_refused() -> None:
    s = stage()
    s.put(deployment(1, selector={}))
    s.run()
    assert s.reasons() == ["SelectingAll"] and s.writes == []


def test_adopts_a_matching_replicaset_and_lets_other_deployments_be() -> None:
    s = stage()
    d = running(s, deployment(2))
    (rs,) = s.list("ReplicaSet")
    other = running(s, deployment(1, name="other"))
    s.change(rs, {"metadata": {"ownerReferences": None}})
    s.run()
    assert s.fresh(rs)["metadata"]["ownerReferences"][0]["uid"] == uid_of(d)
    assert len(s.list("ReplicaSet")) == 2 and s.fresh(other)["status"]["replicas"] == 1


def test_deleting_only_counts() -> None:
    s = stage()
    d = deployment(1)
    d["metadata"].update(deletionTimestamp=timestamp.time(s.now), finalizers=["foregroundDeletion"])
    s.put(d)
    s.run()
    assert s.list("ReplicaSet") == []


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("image"), st.integers(1, 3)),
            st.tuples(st.just("scale"), st.integers(0, 7)),
            st.tuples(st.just("pause"), st.booleans()),
            st.tuples(st.just("ready"), st.integers(1, 4)),
            st.tuples(st.just("lose"), st.integers(0, 5)),
        ),
        max_size=12,
    )
)
def test_whatever_happens_the_rollout_ends_and_rests(happenings: list[tuple[str, int]]) -> None:
    s = stage()
    d = s.put(deployment(3))
    for what, number in happenings:
        if what == "image":
            set_image(s, d, f"nginx:{number}")
        elif what == "scale":
            s.change(d, {"spec": {"replicas": number}})
        elif what == "pause":
            s.change(d, {"spec": {"paused": bool(number)}})
        elif what == "ready":
            run_pods(s, number)
        elif s.list("Pod"):
            s.remove(s.list("Pod")[number % len(s.list("Pod"))])
        s.run()
    s.change(d, {"spec": {"paused": None}})
    d = running(s, d)
    image = d["spec"]["template"]["spec"]["containers"][0]["image"]
    assert [p["spec"]["containers"][0]["image"] for p in s.list("Pod")] == [image] * d["spec"]["replicas"]
    assert d["status"]["observedGeneration"] == d["metadata"]["generation"]
    assert s.everything() == []
