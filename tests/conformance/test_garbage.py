"""Rows of the inventory about what goes with its owner, or with its namespace, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.meta import is_deleting, name_of, uid_of
from podo.lab import World
from tests.conformance.test_workloads import CONTAINERS, CONTROLLER, owners, patch


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    whole = {"name": name, **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": whole, "spec": {"containers": CONTAINERS}}


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
def test_the_pods_of_a_replication_controller(propagation: str) -> None:
    with World() as world:
        world.apply(CONTROLLER)
        world.wait_until(lambda: world.get("ReplicationController", "web")["status"]["readyReplicas"] == 2)
        world.delete("ReplicationController", "web", propagation=propagation)
        if propagation == "Foreground":
            held = world.get("ReplicationController", "web")
            assert is_deleting(held) and held["metadata"]["finalizers"] == ["foregroundDeletion"]
            assert len(world.pods()) == 2, "the owner waits for its pods"
        world.wait_until(lambda: world.list("ReplicationController") == [])
        if propagation == "Foreground":
            assert world.pods() == []
        world.advance(60)
        left = world.pods()
        assert len(left) == (2 if propagation == "Orphan" else 0)
        assert not any(owners(each) for each in left)


def test_a_circle_of_owners_does_not_block() -> None:
    with World() as world:
        made = world.apply([pod(f"p{number}") for number in range(3)])
        for number, one in enumerate(made):
            owner = made[number - 1]
            reference = {"apiVersion": "v1", "kind": "Pod", "name": name_of(owner), "uid": uid_of(owner)}
            reference |= {"controller": True, "blockOwnerDeletion": True}
            patch(world, "Pod", name_of(one), {"metadata": {"ownerReferences": [reference]}})
        world.settle()
        world.delete("Pod", "p0", propagation="Foreground")
        world.wait_until(lambda: world.pods() == [], within=120)


def test_services_go_with_their_namespace() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    with World() as world:
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        world.apply(service, "team")
        world.delete("Namespace", "team")
        world.wait_until(lambda: "team" not in [name_of(each) for each in world.list("Namespace")])
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        assert world.list("Service", "team") == []


def test_pods_end_before_what_they_use() -> None:
    with World() as world:
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
        world.apply([settings, pod("held", finalizers=["example.com/hold"])], "team")
        world.wait_for("Pod", "held", namespace="team")
        world.delete("Namespace", "team")
        world.advance(60)
        assert is_deleting(world.get("Pod", "held", "team"))
        assert not is_deleting(world.get("ConfigMap", "settings", "team"))
        world.run(world.client.patch("Pod", "held", "team", patch={"metadata": {"finalizers": None}}))
        world.wait_until(lambda: "team" not in [name_of(each) for each in world.list("Namespace")])


def test_a_replication_controller_says_that_a_quota_stops_it_until_it_does_not() -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}

    def failure(world: World) -> bool:
        status = world.get("ReplicationController", "web").get("status") or {}
        return any(each["type"] == "ReplicaFailure" for each in status.get("conditions") or ())

    with World() as world:
        world.apply(quota)
        world.settle()
        world.apply({**CONTROLLER, "spec": {**CONTROLLER["spec"], "replicas": 3}})
        world.wait_until(lambda: failure(world))
        assert len(world.pods()) == 2
        world.scale("ReplicationController", "web", 2)
        world.wait_until(lambda: not failure(world))
