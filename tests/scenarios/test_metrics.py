"""What /metrics and ComponentStatus tell of a cluster at work."""

from __future__ import annotations

from podo.cluster.controlplane import ControlPlane
from podo.lab import World
from podo.runtime.metrics import Family

from .conftest import deployment


def plane_of(world: World) -> ControlPlane:
    assert world._simulation is not None
    return world._simulation._plane


def families(plane: ControlPlane) -> dict[str, Family]:
    return {family.name: family for collect in plane.api.backend.metrics.collectors for family in collect()}


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
