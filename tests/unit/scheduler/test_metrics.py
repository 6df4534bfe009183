"""The scheduler's metrics: their names, types, labels and bounds are upstream's, and each attempt counts once."""

from __future__ import annotations

import pytest

from podo.runtime.metrics import Family
from podo.scheduler.metrics import SchedulerMetrics
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.profile import default_profile
from podo.scheduler.queue import LONGEST_WAIT, Queue, Waiting
from tests.unit.scheduler.clusters import pod

DEFAULT = "default-scheduler"
#: Stable and beta metrics of kube-scheduler, by the "Kubernetes Metrics Reference".
STABLE = {
    "scheduler_framework_extension_point_duration_seconds": ("histogram", "extension_point profile status"),
    "scheduler_pending_pods": ("gauge", "queue"),
    "scheduler_pod_scheduling_attempts": ("histogram", ""),
    "scheduler_pod_scheduling_sli_duration_seconds": ("histogram", "attempts"),
    "scheduler_preemption_attempts_total": ("counter", ""),
    "scheduler_preemption_victims": ("histogram", ""),
    "scheduler_queue_incoming_pods_total": ("counter", "event queue"),
    "scheduler_schedule_attempts_total": ("counter", "profile result"),
    "scheduler_scheduling_attempt_duration_seconds": ("histogram", "profile result"),
}


def families(metrics: SchedulerMetrics, queue: Queue | None = None) -> dict[str, Family]:
    asked = queue or Queue({})
    return {family.name: family for family in metrics.families(asked.sizes, asked.entered)}


def values(family: Family, suffix: str = "") -> dict[tuple[str, ...], float]:
    return {sample.labels: sample.value for sample in family.samples if sample.suffix == suffix}


@pytest.mark.parametrize("name", STABLE)
def test_names_types_and_labels(name: str) -> None:
    kind, labels = STABLE[name]
    family = families(SchedulerMetrics())[name]
    assert (family.type, sorted(family.label_names)) == (kind, labels.split())


def test_each_attempt_counts_once_with_the_time_it_took() -> None:
    metrics = SchedulerMetrics()
    entry = Waiting(pod("p"), 0, attempts=3, first_begun=4.0, begun=10.0, profile=DEFAULT)
    metrics.refused(DEFAULT, 0.5)
    metrics.failed(DEFAULT, 0.25)
    metrics.posted([entry, entry], [None, OSError()], 0.1)
    metrics.bound([entry], 12.0)
    found = families(metrics)
    results = {"unschedulable": 0.5, "error": 0.25, "scheduled": 2.0}
    assert values(found["scheduler_schedule_attempts_total"]) == {(each, DEFAULT): 1 for each in results}
    took = values(found["scheduler_scheduling_attempt_duration_seconds"], "_sum")
    assert took == {(each, DEFAULT): seconds for each, seconds in results.items()}
    tries = values(found["scheduler_pod_scheduling_attempts"], "_bucket")
    assert tries == {("1",): 0, ("2",): 0, ("4",): 1, ("8",): 1, ("16",): 1, ("+Inf",): 1}
    assert values(found["scheduler_pod_scheduling_sli_duration_seconds"], "_sum") == {("3",): 8.0}
    points = values(found["scheduler_framework_extension_point_duration_seconds"], "_count")
    assert points == {("Bind", "Success", DEFAULT): 1, ("Bind", "Error", DEFAULT): 1}


def test_extension_points() -> None:
    metrics = SchedulerMetrics()
    metrics.acquainted(DEFAULT, 0.1)
    metrics.decided(DEFAULT, 0.1, True)
    metrics.reserved(DEFAULT, 0.1, failed=False)
    metrics.reserved(DEFAULT, 0.1, failed=True)
    metrics.prepared(DEFAULT, 0.1, False)
    points = values(families(metrics)["scheduler_framework_extension_point_duration_seconds"], "_count")
    told = {("PreFilter", "Success"), ("Filter", "Success"), ("PreBind", "Success")}
    assert points == {(*each, DEFAULT): 1 for each in (*told, ("Reserve", "Success"), ("Reserve", "Error"))}


def test_preemption() -> None:
    metrics = SchedulerMetrics()
    assert values(families(metrics)["scheduler_preemption_attempts_total"]) == {(): 0}
    metrics.made_room(DEFAULT, 0.1, 0)
    metrics.made_room(DEFAULT, 0.1, 3)
    found = families(metrics)
    assert values(found["scheduler_preemption_attempts_total"]) == {(): 2}
    victims = values(found["scheduler_preemption_victims"], "_bucket")
    assert list(victims) == [("1",), ("2",), ("4",), ("8",), ("16",), ("32",), ("64",), ("+Inf",)]
    assert (victims["2",], victims["4",]) == (0, 1)
    points = values(found["scheduler_framework_extension_point_duration_seconds"], "_count")
    assert points == {("PostFilter", "Unschedulable", DEFAULT): 1, ("PostFilter", "Success", DEFAULT): 1}


def test_what_brings_pods_into_the_queue() -> None:
    queue = Queue(default_profile().wakes)

    def taken(now: float) -> Waiting:
        entry = queue.pop(now)
        assert entry is not None
        return entry

    queue.put(pod("p"), 0)
    queue.refused(taken(0), frozenset({"NodeResourcesFit"}))
    queue.wake(ClusterEvent.NODE_ADDED, 0.1)
    queue.failed(taken(0.2))
    queue.refused(taken(5), frozenset({"NodeResourcesFit"}))
    queue.refused(taken(5 + LONGEST_WAIT), frozenset())
    assert values(families(SchedulerMetrics(), queue)["scheduler_queue_incoming_pods_total"]) == {
        ("active", "UnschedulablePodAdd"): 1,
        ("unschedulable", "ScheduleAttemptFailure"): 3,
        ("backoff", "NodeAdd"): 1,
        ("active", "PopFromBackoffQ"): 1,
        ("backoff", "ScheduleAttemptFailure"): 1,
        ("active", "BackoffComplete"): 1,
        ("active", "UnschedulableTimeout"): 1,
    }
