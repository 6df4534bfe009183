"""What /metrics and ComponentStatus tell of a cluster at work."""

from __future__ import annotations

from podo.cluster.controlplane import ControlPlane
from podo.lab import World
from podo.runtime.metrics import Family

from .conftest import deployment
from .test_scheduler_preemption import pod as filling
from .test_scheduler_preemption import run_all


def plane_of(world: World) -> ControlPlane:
    assert world._simulation is not None
    return world._simulation._plane


def families(plane: ControlPlane) -> dict[str, Family]:
    return {family.name: family for collect in plane.api.backend.metrics.collectors for family in collect()}


def cronjob(schedule: str) -> dict[str, object]:
    """One whose pods run for half a minute, in a Job with an index."""
    containers = [{"name": "c", "image": "busybox"}]
    template = {
        "metadata": {"annotations": {"podo.dev/run-seconds": "30"}},
        "spec": {"containers": containers, "restartPolicy": "Never"},
    }
    job = {"spec": {"template": template, "completionMode": "Indexed", "completions": 2, "parallelism": 2}}
    spec = {"schedule": schedule, "jobTemplate": job}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec}


def test_what_controllers_have_brought_about_is_counted() -> None:
    with World(nodes=2) as world:
        world.apply(cronjob("*/10 * * * *"))
        world.advance(1900)
        found = families(plane_of(world))
        reason = "CompletionsReached"
        assert value(found, "job_controller_jobs_finished_total", "Indexed", "succeeded", reason) == 3
        assert value(found, "job_controller_job_pods_finished_total", "Indexed", "succeeded") == 6
        (skews,) = [family for name, family in found.items() if name.startswith("cronjob_controller_job_creation_skew")]
        assert next(sample.value for sample in skews.samples if sample.suffix == "_count") == 3
        assert next(sample.value for sample in skews.samples if sample.suffix == "_sum") < 9
        world.kill_node(world.list("Node")[0]["metadata"]["name"])
        world.advance(600)
        found = families(plane_of(world))
        assert sum(sample.value for sample in found["node_collector_evictions_total"].samples) == 1


def test_pods_that_have_to_go_are_counted() -> None:
    with World(nodes=1) as world:
        run_all(world, *(filling(name, cpu="10") for name in ("a", "b")))
        urgent = filling("urgent", cpu="30")
        world.apply({**urgent, "spec": {**urgent["spec"], "priorityClassName": "system-cluster-critical"}})
        world.wait_for("Pod", "urgent")
        found = families(plane_of(world))
        victims = {sample.suffix: sample.value for sample in found["scheduler_preemption_victims"].samples}
        assert (victims["_count"], victims["_sum"]) == (1, 2)
        assert value(found, "scheduler_preemption_attempts_total") >= 1
        points = found["scheduler_framework_extension_point_duration_seconds"].samples
        told = {sample.labels[:2]: sample.value for sample in points if sample.suffix == "_count"}
        assert told["PostFilter", "Success"] == 1


def test_the_looks_at_jobs_are_counted() -> None:
    with World(nodes=1) as world:
        world.apply(cronjob("*/10 * * * *"))
        world.advance(900)
        found = families(plane_of(world))
        labels = ("completion_mode", "result", "action")
        syncs, durations = found["job_controller_job_syncs_total"], found["job_controller_job_sync_duration_seconds"]
        assert (syncs.type, durations.type, syncs.label_names, durations.label_names) == (
            *("counter", "histogram"),
            *(labels, labels),
        )
        assert value(found, syncs.name, "Indexed", "success", "pods_created") == 1
        assert value(found, syncs.name, "Indexed", "success", "tracking") >= 3, "started, ended, counted"
        counted = {sample.labels: sample.value for sample in durations.samples if sample.suffix == "_count"}
        assert counted == {sample.labels: sample.value for sample in syncs.samples}


def test_what_pods_ask_for_is_a_page_of_its_own() -> None:
    with World(nodes=1) as world:
        asking = deployment(replicas=1)
        resources = {
            "requests": {"cpu": "100m", "memory": "1Mi"},
            "limits": {"cpu": "1500m", "ephemeral-storage": "2Mi"},
        }
        asking["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
        world.apply(asking)
        world.settle()
        (pod,) = world.list("Pod")
        labels = ("default", pod["metadata"]["name"], pod["spec"]["nodeName"], "default-scheduler", "0")
        request, limit = plane_of(world).api.backend.metrics.pages["/metrics/resources"]()
        names = ("namespace", "pod", "node", "scheduler", "priority", "resource", "unit")
        for family, name in ((request, "request"), (limit, "limit")):
            assert (family.name, family.type, family.label_names) == (f"kube_pod_resource_{name}", "gauge", names)
        assert {sample.labels: sample.value for sample in request.samples} == {
            (*labels, "cpu", "cores"): 0.1,
            (*labels, "memory", "bytes"): 1 << 20,
            (*labels, "ephemeral-storage", "bytes"): 2 << 20,
        }
        assert {sample.labels: sample.value for sample in limit.samples} == {
            (*labels, "cpu", "cores"): 1.5,
            (*labels, "ephemeral-storage", "bytes"): 2 << 20,
        }


def value(found: dict[str, Family], name: str, *labels: str) -> float:
    return next((sample.value for sample in found[name].samples if sample.labels == labels), 0)


def test_controllers_and_scheduler_tell_of_their_work() -> None:
    with World(nodes=2) as world:
        world.apply(deployment(replicas=3))
        large = deployment("large", replicas=1)
        large["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
        world.apply(large)
        world.settle()
        plane = plane_of(world)
        found = families(plane)
        assert value(found, "scheduler_schedule_attempts_total", "scheduled", "default-scheduler") == 3
        assert value(found, "scheduler_schedule_attempts_total", "unschedulable", "default-scheduler") >= 1
        tries = {sample.suffix: sample.value for sample in found["scheduler_pod_scheduling_attempts"].samples}
        assert (tries["_count"], tries["_sum"]) == (3, 3)
        assert value(found, "scheduler_preemption_attempts_total") >= 1
        assert value(found, "scheduler_queue_incoming_pods_total", "active", "UnschedulablePodAdd") == 4
        assert value(found, "scheduler_queue_incoming_pods_total", "unschedulable", "ScheduleAttemptFailure") >= 1
        points = found["scheduler_framework_extension_point_duration_seconds"].samples
        told = {sample.labels[:2]: sample.value for sample in points if sample.suffix == "_count"}
        assert told["Filter", "Success"] == told["Bind", "Success"] == 3
        assert told["Filter", "Unschedulable"] == told["PostFilter", "Unschedulable"] >= 1
        assert value(found, "scheduler_pending_pods", "unschedulable") == 1
        assert value(found, "scheduler_pending_pods", "active") == 0
        assert value(found, "workqueue_adds_total", "replicaset") >= 2
        assert value(found, "workqueue_depth", "replicaset") == 0
        assert {name: problem() for name, problem in plane.api.components.items()} == {
            "etcd-0": "",
            "controller-manager": "",
            "scheduler": "",
        }
    assert {name: problem() for name, problem in plane.api.components.items() if name != "etcd-0"} == {
        "controller-manager": "not running",
        "scheduler": "not running",
    }
