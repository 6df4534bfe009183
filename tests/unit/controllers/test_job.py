from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api import registry
from podo.api.meta import condition_of, is_deleting, labels_of, name_of, uid_of
from podo.controllers import ttlafterfinished
from podo.controllers.job import sync as module
from podo.controllers.job.tally import TRACKING, index_of
from podo.values import timestamp
from tests.unit.controllers.stage import Stage, running, template

POLICY = {
    "rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailIndex", "onExitCodes": {"containerName": "c", "operator": "In", "values": [3]}},
    ]
}


def job(**spec: Any) -> dict:
    """As it is after the API's defaults."""
    made = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "calc", "namespace": "default", "uid": "uid-calc"},
        "spec": {"template": template("busybox", app="calc"), **spec},
    }
    made["spec"]["template"]["spec"].setdefault("restartPolicy", "Never")
    kind = registry.named("Job")
    kind.fill_in(made)
    kind.prepare(made, None)
    return made


class JobStage(Stage):
    """Pods that have ended and are being deleted go when nothing holds them, as an API server would have it."""

    def __init__(self) -> None:
        super().__init__(module.reconcile, ttlafterfinished.reconcile)
        self.graceful_pods = True

    def pods(self) -> list[dict]:
        return [pod for pod in self.list("Pod") if not is_deleting(pod)]

    def end(self, pod: dict, code: int = 0, **status: Any) -> None:
        ended = {"exitCode": code, "finishedAt": timestamp.time(self.now)}
        phase = "Failed" if code else "Succeeded"
        containers = [{"name": "c", "state": {"terminated": ended}}]
        present = self.fresh(pod)
        self.put({**present, "status": {"phase": phase, "containerStatuses": containers, **status}})

    def sweep(self) -> None:
        """As kubelets: what is being deleted ends, and goes once nobody holds it."""
        for _ in range(5):
            for pod in [pod for pod in self.list("Pod") if is_deleting(pod)]:
                if (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded"):
                    self.end(pod, 143)
                elif not pod["metadata"].get("finalizers"):
                    self.remove(pod)
            self.run()

    def status(self) -> dict:
        return self.get("Job", "calc", "default")["status"]

    def conditions(self) -> dict[str, str]:
        return {c["type"]: c["reason"] for c in self.status().get("conditions") or [] if c["status"] == "True"}


def begun(**spec: Any) -> JobStage:
    stage = JobStage()
    stage.put(job(**spec))
    stage.run()
    return stage


def test_one_pod_one_success() -> None:
    s = begun()
    (pod,) = s.pods()
    assert TRACKING in pod["metadata"]["finalizers"] and labels_of(pod)["job-name"] == "calc"
    assert s.status()["active"] == 1 and s.status()["startTime"]
    s.end(pod)
    s.run()
    status = s.status()
    assert status["succeeded"] == 1 and "active" not in status and status["uncountedTerminatedPods"] == {}
    assert s.conditions() == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
    assert status["completionTime"]
    assert not s.fresh(pod)["metadata"].get("finalizers")
    assert s.reasons() == ["SuccessfulCreate", "Completed"]
    assert s.everything() == []


def test_parallelism_and_completions() -> None:
    s = begun(parallelism=2, completions=5)
    most = 0
    for _ in range(20):
        living = [pod for pod in s.pods() if (pod.get("status") or {}).get("phase") is None]
        most = max(most, len(living))
        if not living:
            break
        s.end(living[0])
        s.run()
    assert most == 2 and s.status()["succeeded"] == 5 and "Complete" in s.conditions()
    assert len(s.list("Pod")) == 5


def test_without_completions_one_success_is_enough_and_the_others_may_end() -> None:
    s = begun(parallelism=3, completions=None)
    first, second, third = s.pods()
    s.end(first)
    s.run()
    assert len(s.pods()) == 3 and s.conditions() == {}
    s.end(second, 1)
    s.end(third)
    s.run()
    assert s.status()["succeeded"] == 2 and "Complete" in s.conditions()


def test_failures_back_off_and_reach_the_limit() -> None:
    s = begun(backoffLimit=2)
    waits = []
    for _ in range(3):
        (pod,) = [p for p in s.pods() if "phase" not in (p.get("status") or {})]
        s.end(pod, 1)
        s.run()
        start, count = s.now, len(s.pods())
        for _ in range(60):
            if len(s.pods()) > count or "Failed" in s.conditions():
                break
            s.pass_time(1)
        waits.append(s.now - start)
    assert waits == [10, 20, 0]
    assert s.status()["failed"] == 3
    assert s.conditions() == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    failed = condition_of(s.get("Job", "calc", "default"), "Failed")
    assert failed["message"] == "Job has reached the specified backoff limit"
    assert ("Warning", "BackoffLimitExceeded", failed["message"]) in s.told
    assert s.everything() == []


def test_restarts_count_with_on_failure() -> None:
    spec = template("busybox", app="calc")
    spec["spec"]["restartPolicy"] = "OnFailure"
    s = begun(backoffLimit=3, template=spec)
    (pod,) = s.pods()
    status = {**running(s.now), "containerStatuses": [{"name": "c", "restartCount": 2}]}
    s.put({**pod, "status": status})
    s.run()
    assert s.conditions() == {}
    status["containerStatuses"][0]["restartCount"] = 3
    s.put({**s.fresh(pod), "status": status})
    s.run()
    s.sweep()
    assert s.conditions()["Failed"] == "BackoffLimitExceeded" and not s.pods() and s.status()["failed"] == 1


def test_active_deadline() -> None:
    s = begun(activeDeadlineSeconds=30, parallelism=2, completions=2)
    s.pass_time(29)
    assert s.conditions() == {} and len(s.pods()) == 2
    s.pass_time(2)
    assert s.conditions() == {"FailureTarget": "DeadlineExceeded"} and not s.pods()
    s.sweep()
    assert s.conditions()["Failed"] == "DeadlineExceeded" and s.status()["failed"] == 2


def test_suspend_and_resume() -> None:
    s = begun(parallelism=2, completions=2)
    kept = s.get("Job", "calc", "default")
    s.change(kept, {"spec": {"suspend": True}})
    s.run()
    s.sweep()
    assert not s.list("Pod") and s.conditions() == {"Suspended": "JobSuspended"}
    assert "failed" not in s.status() and "active" not in s.status()
    s.pass_time(100)
    s.change(kept, {"spec": {"suspend": False}})
    s.run()
    assert len(s.pods()) == 2 and s.conditions() == {}
    assert s.status()["startTime"] == timestamp.time(s.now)
    assert [r for r in s.reasons() if r in ("Suspended", "Resumed")] == ["Suspended", "Resumed"]
    assert s.everything() == []


def test_indexed_pods_know_their_index() -> None:
    s = begun(completionMode="Indexed", completions=3, parallelism=3)
    pods = {index_of(pod): pod for pod in s.pods()}
    assert sorted(pods) == [0, 1, 2]
    pod = pods[1]
    assert pod["spec"]["hostname"] == "calc-1" and name_of(pod).startswith("calc-1-")
    assert labels_of(pod)["batch.kubernetes.io/job-completion-index"] == "1"
    (variable,) = pod["spec"]["containers"][0]["env"]
    path = "metadata.labels['batch.kubernetes.io/job-completion-index']"
    assert (variable["name"], variable["valueFrom"]["fieldRef"]["fieldPath"]) == ("JOB_COMPLETION_INDEX", path)
    s.end(pods[0])
    s.end(pods[2])
    s.run()
    assert s.status()["completedIndexes"] == "0,2" and s.status()["succeeded"] == 2
    s.end(pods[1], 1)
    s.run()
    s.pass_time(10)
    (again,) = [p for p in s.pods() if "phase" not in (p.get("status") or {})]
    assert index_of(again) == 1
    s.end(again)
    s.run()
    assert s.status()["completedIndexes"] == "0-2" and "Complete" in s.conditions() and s.status()["failed"] == 1


def test_back_off_limit_per_index() -> None:
    s = begun(completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=1)
    one = next(p for p in s.pods() if index_of(p) == 1)
    zero = next(p for p in s.pods() if index_of(p) == 0)
    s.end(zero)
    s.end(one, 1)
    s.run()
    assert TRACKING in s.fresh(one)["metadata"]["finalizers"], "held until its successor has its count"
    s.pass_time(10)
    (again,) = [p for p in s.pods() if "phase" not in (p.get("status") or {})]
    assert again["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"
    assert not s.fresh(one)["metadata"].get("finalizers")
    s.end(again, 1)
    s.run()
    assert s.status()["failedIndexes"] == "1" and s.status()["completedIndexes"] == "0"
    assert s.conditions()["Failed"] == "FailedIndexes" and s.status()["failed"] == 2


def test_max_failed_indexes() -> None:
    s = begun(completionMode="Indexed", completions=5, parallelism=5, backoffLimitPerIndex=0, maxFailedIndexes=1)
    for pod in s.pods()[:2]:
        s.end(pod, 1)
    s.run()
    s.sweep()
    assert s.conditions()["Failed"] == "MaxFailedIndexesExceeded"
    assert s.status()["failedIndexes"] == "0-4", "those that were stopped have failed too"


@pytest.mark.parametrize(
    ("code", "conditions", "expected"),
    [(42, [], "PodFailurePolicy"), (1, [], ""), (1, [{"type": "DisruptionTarget", "status": "True"}], "")],
)
def test_pod_failure_policy(code: int, conditions: list[dict], expected: str) -> None:
    s = begun(podFailurePolicy={"rules": POLICY["rules"][:2]})
    (pod,) = s.pods()
    s.end(pod, code, conditions=conditions)
    s.run()
    assert s.conditions().get("Failed", "") == expected
    assert s.status().get("failed", 0) == (0 if conditions else 1)
    if expected:
        message = condition_of(s.get("Job", "calc", "default"), "Failed")["message"]
        text = f"Container c for pod default/{name_of(pod)} failed with exit code 42 matching FailJob rule at index 0"
        assert message == text
    else:
        s.pass_time(11)
        assert len(s.pods()) == 2


def test_fail_index() -> None:
    s = begun(completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=5, podFailurePolicy=POLICY)
    zero = next(p for p in s.pods() if index_of(p) == 0)
    s.end(zero, 3)
    s.run()
    s.pass_time(100)
    assert s.status()["failedIndexes"] == "0" and len(s.pods()) == 2, "index 0 is not tried again"


def test_success_policy() -> None:
    rules = {"rules": [{"succeededIndexes": "0,2", "succeededCount": 1}]}
    s = begun(completionMode="Indexed", completions=4, parallelism=4, successPolicy=rules)
    pods = {index_of(pod): pod for pod in s.pods()}
    s.end(pods[1])
    s.run()
    assert s.conditions() == {}
    s.end(pods[2])
    s.run()
    assert s.conditions() == {"SuccessCriteriaMet": "SuccessPolicy"}
    s.sweep()
    assert s.conditions()["Complete"] == "SuccessPolicy" and s.status()["completedIndexes"] == "1,2"
    assert condition_of(s.get("Job", "calc", "default"), "Complete")["message"] == "Matched rules at index 0"


@pytest.mark.parametrize(("policy", "at_once"), [("TerminatingOrFailed", 2), ("Failed", 1)])
def test_pod_replacement_policy(policy: str, at_once: int) -> None:
    s = begun(podReplacementPolicy=policy)
    (pod,) = s.pods()
    s.put({**pod, "status": running(s.now)})
    s.change(pod, {"metadata": {"deletionTimestamp": timestamp.time(s.now), "deletionGracePeriodSeconds": 0}})
    s.run()
    s.pass_time(11)
    living = [p for p in s.list("Pod") if (p.get("status") or {}).get("phase") != "Failed"]
    assert len(living) == at_once
    s.sweep()
    s.pass_time(11)
    assert len(s.pods()) == 1 and s.status()["failed"] == 1


def test_managed_by_another_is_left_alone() -> None:
    s = begun(managedBy="acme.io/controller")
    assert s.writes == []


def test_pods_of_a_job_that_is_gone_are_let_go() -> None:
    s = begun(parallelism=2, completions=2)
    s.remove(s.get("Job", "calc", "default"))
    s.run()
    assert all(not pod["metadata"].get("finalizers") for pod in s.list("Pod"))


def test_elastic_indexed_job_shrinks() -> None:
    s = begun(completionMode="Indexed", completions=4, parallelism=4)
    s.change(s.get("Job", "calc", "default"), {"spec": {"completions": 2, "parallelism": 2}})
    s.run()
    s.sweep()
    assert sorted(index_of(pod) for pod in s.pods()) == [0, 1] and "failed" not in s.status()


def test_ttl_after_finished() -> None:
    s = begun(ttlSecondsAfterFinished=60)
    s.end(s.pods()[0])
    s.run()
    s.pass_time(59)
    assert s.get("Job", "calc", "default")
    s.pass_time(2)
    assert is_deleting(s.get("Job", "calc", "default")), "in the foreground: its pods go first"


def test_pods_whose_job_is_gone_are_held_by_nobody() -> None:
    s = begun(parallelism=2, completions=2)
    one, two = s.pods()
    s.change(one, {"metadata": {"ownerReferences": None, "labels": None}})  # orphaned, and its Job deleted
    s.remove(s.get("Job", "calc", "default"))
    s.put({**job(), "metadata": {"name": "calc", "namespace": "default", "uid": "another"}})
    s.run()
    s.change(two, {"metadata": {"labels": {"seen": "again"}}})
    s.run()
    assert [s.fresh(pod)["metadata"].get("finalizers") for pod in (one, two)] == [None, None]
    assert all(TRACKING in pod["metadata"]["finalizers"] for pod in s.owned_by(s.list("Job")[0], "Pod"))


def test_the_pods_that_have_done_least_go_first_whatever_their_cost() -> None:
    s = begun(parallelism=3, completions=9)
    for number, pod in enumerate(s.pods()):
        s.now += 1
        cost = {"controller.kubernetes.io/pod-deletion-cost": str(number)}
        s.change(pod, {"metadata": {"annotations": cost}, "spec": {"nodeName": "n"}, "status": running(s.now)})
    first = name_of(s.pods()[0])
    s.change(s.get("Job", "calc", "default"), {"spec": {"parallelism": 1}})
    s.run()
    assert [name_of(pod) for pod in s.pods()] == [first]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), indexed=st.booleans(), replace=st.sampled_from(["Failed", "TerminatingOrFailed"]))
def test_every_pod_is_counted_once(seed: int, indexed: bool, replace: str) -> None:
    chance = random.Random(seed)
    mode = "Indexed" if indexed else "NonIndexed"
    s = begun(completions=5, parallelism=3, backoffLimit=1000, completionMode=mode, podReplacementPolicy=replace)
    ends: Counter[str] = Counter()
    seen: set[str] = set()
    for _ in range(400):
        s.run()
        if "Complete" in s.conditions():
            break
        going = [p for p in s.list("Pod") if (p.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]
        assert len([p for p in going if not is_deleting(p)]) <= 3
        ended = [p for p in s.list("Pod") if uid_of(p) in seen and not p["metadata"].get("finalizers")]
        if going and chance.random() < 0.6:
            pod = chance.choice(going)
            code = 0 if chance.random() < 0.5 and not is_deleting(pod) else 1
            seen.add(uid_of(pod))
            if not is_deleting(pod):
                ends["failed" if code else "succeeded"] += 1
            elif replace == "Failed":
                ends["failed"] += 1
            s.end(pod, code)
        elif going and chance.random() < 0.3:
            pod = chance.choice(going)
            if not is_deleting(pod):
                stamp = {"deletionTimestamp": timestamp.time(s.now), "deletionGracePeriodSeconds": 0}
                s.put({**pod, "metadata": {**pod["metadata"], **stamp}, "status": {"phase": "Running"}})
                ends["failed"] += replace != "Failed"
        elif ended and chance.random() < 0.3:
            s.remove(chance.choice(ended))
        else:
            s.pass_time(700)
    s.run()
    status = s.status()
    assert "Complete" in s.conditions()
    assert status["succeeded"] == ends["succeeded"] == 5
    assert status.get("failed", 0) == ends["failed"]
    assert s.everything() == []
