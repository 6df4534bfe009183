"""Jobs in a whole cluster: nodes run the pods to their end, watches lag, requests fail, and all is counted once."""

from __future__ import annotations

import pytest

from podo.api.meta import condition_is_true, condition_of
from podo.lab import Faults, World


def job(name: str = "calc", annotations: dict[str, str] | None = None, **spec: object) -> dict:
    metadata = {"annotations": {"podo.dev/run-seconds": "5", **(annotations or {})}}
    template = {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}
    template["spec"]["restartPolicy"] = spec.pop("restart", "Never")  # type: ignore[index]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def test_it_runs_to_its_end() -> None:
    with World(nodes=2) as world:
        world.apply(job(completions=6, parallelism=2))
        done = world.wait_for("Job", "calc", condition="Complete", within=120)
        assert done["status"]["succeeded"] == 6 and "completedIndexes" not in done["status"]
        assert {pod["status"]["phase"] for pod in world.pods()} == {"Succeeded"}
        assert not any(pod["metadata"].get("finalizers") for pod in world.pods())
        reasons = [event["reason"] for event in world.events("calc") if event["involvedObject"]["kind"] == "Job"]
        assert reasons.count("Completed") == 1 and "SuccessfulCreate" in reasons


def test_failures_back_off_by_doubling() -> None:
    with World() as world:
        world.apply(job(annotations={"podo.dev/exit-code": "1"}, backoffLimit=3))
        failed = world.wait_for("Job", "calc", condition="Failed", within=400)
        assert failed["status"]["failed"] == 4
        assert condition_of(failed, "Failed")["reason"] == "BackoffLimitExceeded"
        assert {pod["status"]["phase"] for pod in world.pods()} == {"Failed"} and len(world.pods()) == 4


def test_restarts_in_place_count_with_on_failure() -> None:
    with World() as world:
        world.apply(job(annotations={"podo.dev/exit-code": "1"}, backoffLimit=2, restart="OnFailure"))
        failed = world.wait_for("Job", "calc", condition="Failed", within=400)
        assert condition_of(failed, "Failed")["reason"] == "BackoffLimitExceeded" and failed["status"]["failed"] == 1
        world.settle()
        assert world.pods() == []


def test_deadline_stops_what_runs() -> None:
    with World() as world:
        world.apply(job(annotations={"podo.dev/run-seconds": "1000"}, activeDeadlineSeconds=60, parallelism=3))
        failed = world.wait_for("Job", "calc", condition="Failed", within=200)
        assert condition_of(failed, "Failed")["reason"] == "DeadlineExceeded" and failed["status"]["failed"] == 3


def test_replacement_waits_for_the_end_where_it_must() -> None:
    with World() as world:
        annotations = {"podo.dev/run-seconds": "1000", "podo.dev/stop-code": "143"}
        world.apply(job(annotations=annotations, podReplacementPolicy="Failed"))
        world.wait_until(lambda: world.pods()[0]["status"]["phase"] == "Running")
        world.delete("Pod", world.pods()[0]["metadata"]["name"])
        world.wait_until(lambda: world.get("Job", "calc")["status"].get("failed") == 1)
        world.advance(30)
        assert len(world.pods()) == 1 and world.get("Job", "calc")["status"]["active"] == 1


def test_deleting_a_job_lets_its_pods_go_and_the_ttl_deletes_it() -> None:
    with World() as world:
        world.apply(job(ttlSecondsAfterFinished=100))
        world.wait_for("Job", "calc", condition="Complete")
        world.advance(90)
        assert world.pods()
        world.advance(30)
        assert world.list("Job") == [] and world.pods() == []
        world.apply(job("long", annotations={"podo.dev/run-seconds": "1000"}))
        world.wait_until(lambda: world.get("Job", "long")["status"]["ready"] == 1)
        world.delete("Job", "long", propagation="Background")
        world.advance(60)
        assert world.pods() == []
        world.apply(job("kept"))
        world.wait_for("Job", "kept", condition="Complete")
        world.delete("Job", "kept")
        world.advance(60)
        assert len(world.pods()) == 1, "without a policy a Job's pods are left, of old"


@pytest.mark.parametrize("seed", range(6))
def test_each_index_succeeds_once_under_faults(seed: int) -> None:
    faults = Faults(watch_lag=0.3 * seed, errors=0.1, losses=0.1)
    with World(nodes=3, seed=seed, faults=faults) as world:
        world.apply(job(completions=8, parallelism=3, completionMode="Indexed", backoffLimit=50))
        for number in range(200):
            world.advance(2)
            running = [pod for pod in world.pods() if pod["status"]["phase"] == "Running"]
            if running and number % 7 == 3:
                world.delete("Pod", running[0]["metadata"]["name"])
            if condition_is_true(world.get("Job", "calc"), "Complete"):
                break
        world.advance(100)
        status = world.get("Job", "calc")["status"]
        assert status["completedIndexes"] == "0-7" and status["succeeded"] == 8
        assert status["uncountedTerminatedPods"] == {} and "active" not in status
        assert not any(pod["metadata"].get("finalizers") for pod in world.pods())


def test_a_pod_that_is_deleted_and_then_ends_well_is_let_go() -> None:
    with World() as world:
        world.apply(job(annotations={"podo.dev/run-seconds": "300"}))
        (pod,) = world.wait_until(lambda: [p for p in world.pods() if p["status"]["phase"] == "Running"])
        world.delete("Pod", pod["metadata"]["name"])
        world.wait_for("Pod", pod["metadata"]["name"], condition="delete", within=60)
        done = world.wait_for("Job", "calc", condition="Complete", within=400)
        assert (done["status"]["succeeded"], done["status"].get("failed")) == (1, 1)


def test_a_namespace_that_goes_takes_its_jobs_with_it() -> None:
    with World() as world:
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}})
        world.apply(job(annotations={"podo.dev/run-seconds": "300"}, parallelism=2, completions=4), "doomed")
        world.wait_until(lambda: len(world.pods("doomed")) == 2)
        world.delete("Namespace", "doomed", namespace="")
        world.wait_for("Namespace", "doomed", namespace="", condition="delete", within=120)
