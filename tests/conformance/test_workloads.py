"""Rows of the inventory about workloads: who adopts and lets go of which pods, and scaling through the subresource."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.meta import is_deleting, name_of, uid_of
from podo.lab import World

LABELS = {"app": "web"}
CONTAINERS = [{"name": "c", "image": "nginx:1.14.2"}]


def workload(api_version: str, kind: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": CONTAINERS}}
    whole = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template, **spec}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": whole}


CONTROLLER = workload("v1", "ReplicationController", selector=LABELS)
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "calc"},
    "spec": {"parallelism": 2, "template": {"spec": {"containers": CONTAINERS, "restartPolicy": "Never"}}},
}


def owners(pod: dict[str, Any]) -> list[str]:
    return [reference["uid"] for reference in pod["metadata"].get("ownerReferences", [])]


def patch(world: World, kind: str, name: str, change: dict[str, Any], **options: Any) -> dict[str, Any]:
    return world.run(world.client.patch(kind, name, "default", patch=change, **options))


def test_a_replication_controller_runs_adopts_releases_and_scales() -> None:
    with World() as world:
        orphan = {"name": "orphan", "labels": LABELS}
        world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": orphan, "spec": {"containers": CONTAINERS}})
        (controller,) = world.apply(CONTROLLER)
        world.wait_until(lambda: world.get("ReplicationController", "web")["status"]["readyReplicas"] == 2)
        assert len(world.pods()) == 2 and owners(world.get("Pod", "orphan")) == [uid_of(controller)]
        patch(world, "Pod", "orphan", {"metadata": {"labels": {"app": "debug"}}})
        world.settle()
        assert owners(world.get("Pod", "orphan")) == [] and len(world.pods()) == 3
        scale = world.run(world.client.get("ReplicationController", "web", "default", subresource="scale"))
        assert (scale["spec"]["replicas"], scale["status"]["selector"]) == (2, "app=web")
        patch(world, "ReplicationController", "web", {"spec": {"replicas": 1}}, subresource="scale")
        world.wait_until(lambda: len(world.pods(labels="app=web")) == 1)


def test_a_job_adopts_and_releases_pods_by_their_labels() -> None:
    with World() as world:
        (job,) = world.apply(JOB)
        world.wait_until(lambda: world.get("Job", "calc")["status"]["ready"] == 2)
        name = name_of(world.pods()[0])
        patch(world, "Pod", name, {"metadata": {"ownerReferences": None}})
        world.wait_until(lambda: owners(world.get("Pod", name)) == [uid_of(job)])
        mine = world.get("Pod", name)["metadata"]["labels"]
        patch(world, "Pod", name, {"metadata": {"labels": dict.fromkeys(mine)}})
        world.wait_until(lambda: owners(world.get("Pod", name)) == [])
        world.wait_until(lambda: sum(owners(pod) == [uid_of(job)] for pod in world.pods()) == 2)


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet"])
def test_every_workload_is_scaled_through_its_subresource(kind: str) -> None:
    with World() as world:
        more = {"serviceName": "web"} if kind == "StatefulSet" else {}
        world.apply(workload("apps/v1", kind, **more))
        world.wait_until(lambda: world.get(kind, "web")["status"]["readyReplicas"] == 2)
        scale = world.run(world.client.get(kind, "web", "default", subresource="scale"))
        assert (scale["kind"], scale["spec"], scale["status"]["replicas"]) == ("Scale", {"replicas": 2}, 2)
        answer = patch(world, kind, "web", {"spec": {"replicas": 4}}, subresource="scale")
        assert answer["spec"]["replicas"] == 4
        world.wait_until(lambda: world.get(kind, "web")["status"]["readyReplicas"] == 4)
        patch(world, kind, "web", {"spec": {"replicas": 1}}, subresource="scale")
        world.wait_until(lambda: [is_deleting(pod) for pod in world.pods()] == [False])
