"""Owners and dependents through the whole control plane: cascades in the background, in the foreground, and none."""

from __future__ import annotations

import pytest

from podo.api.meta import name_of, uid_of
from podo.lab import World


def deployment(name: str = "web", replicas: int = 2) -> dict:
    labels = {"app": name}
    container = {"name": "c", "image": "nginx:1.14.2"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def configmap(name: str, *owners: dict) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": list(owners)}}


def owner(obj: dict, **fields: object) -> dict:
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": name_of(obj), "uid": uid_of(obj), **fields}


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_deleting_a_deployment_deletes_what_it_made(propagation: str) -> None:
    with World() as world:
        world.apply(deployment())
        world.wait_for("Deployment", "web", condition="Available")
        world.delete("Deployment", "web", propagation=propagation)
        world.wait_until(lambda: not world.list("Deployment") and not world.list("ReplicaSet") and not world.pods())


def test_the_foreground_owner_goes_last() -> None:
    with World() as world:
        world.apply(deployment())
        world.wait_for("Deployment", "web", condition="Available")
        held = name_of(world.pods()[0])
        hold = {"metadata": {"finalizers": ["example.com/hold"]}}
        world.run(world.client.patch("Pod", held, "default", patch=hold))
        world.delete("Deployment", "web", propagation="Foreground")
        world.settle()
        assert [name_of(pod) for pod in world.pods()] == [held]
        assert world.get("Deployment", "web")["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert world.list("ReplicaSet")[0]["metadata"]["finalizers"] == ["foregroundDeletion"]
        world.run(world.client.patch("Pod", held, "default", patch={"metadata": {"finalizers": None}}))
        world.wait_until(lambda: not world.list("Deployment") and not world.list("ReplicaSet") and not world.pods())


def test_orphaning_leaves_the_dependents() -> None:
    with World() as world:
        world.apply(deployment())
        world.wait_for("Deployment", "web", condition="Available")
        world.delete("Deployment", "web", propagation="Orphan")
        world.wait_until(lambda: not world.list("Deployment"))
        world.settle()
        (rs,) = world.list("ReplicaSet")
        assert not rs["metadata"].get("ownerReferences")
        assert len(world.pods()) == 2
        (adopter,) = world.apply(deployment())
        world.settle()
        (rs,) = world.list("ReplicaSet")
        assert rs["metadata"]["ownerReferences"][0]["uid"] == uid_of(adopter), "a new owner takes them over"
        assert len(world.pods()) == 2


def test_an_owner_that_never_was() -> None:
    with World() as world:
        ghost = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "ghost",
            "uid": "00000000-0000-0000-0000-000000000000",
        }
        world.apply(configmap("child", ghost))
        world.wait_until(lambda: not world.list("ConfigMap", labels="") or "child" not in _names(world))


def test_one_living_owner_is_enough() -> None:
    with World() as world:
        (one,) = world.apply(configmap("one"))
        (two,) = world.apply(configmap("two"))
        world.apply(configmap("child", owner(one), owner(two)))
        world.settle()
        world.delete("ConfigMap", "one")
        world.settle()
        references = world.get("ConfigMap", "child")["metadata"]["ownerReferences"]
        assert [reference["name"] for reference in references] == ["two"]
        world.delete("ConfigMap", "two")
        world.wait_until(lambda: "child" not in _names(world))


def test_an_owner_in_another_namespace_is_none_and_the_user_is_told() -> None:
    with World() as world:
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        (far,) = world.apply(configmap("far"), "other")
        (child,) = world.apply(configmap("child", owner(far)))
        world.wait_until(lambda: "child" not in _names(world))
        world.settle()
        told = [e for e in world.events() if e["reason"] == "OwnerRefInvalidNamespace"]
        assert told and told[0]["involvedObject"]["uid"] == uid_of(child)
        assert 'does not exist in namespace "default"' in told[0]["message"]
        assert [name_of(c) for c in world.list("ConfigMap", "other") if name_of(c) == "far"] == ["far"]


def test_a_wrong_owner_beside_a_living_one_is_told_too() -> None:
    with World() as world:
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        (far,) = world.apply(configmap("far"), "other")
        (near,) = world.apply(configmap("near"))
        world.apply(configmap("child", owner(far), owner(near)))
        world.wait_until(lambda: len(world.get("ConfigMap", "child")["metadata"]["ownerReferences"]) == 1)
        world.settle()
        assert [e["reason"] for e in world.events("child")] == ["OwnerRefInvalidNamespace"]


def test_an_owner_in_a_namespace_of_an_object_in_none() -> None:
    with World() as world:
        (near,) = world.apply(configmap("near"))
        metadata = {"name": "wide", "ownerReferences": [owner(near)]}
        world.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata})
        world.settle()
        (told,) = [e for e in world.events() if e["reason"] == "OwnerRefInvalidNamespace"]
        where = f"[v1/ConfigMap, namespace: , name: near, uid: {uid_of(near)}]"
        assert told["message"] == f'ownerRef {where} does not exist in namespace ""'
        world.delete("ConfigMap", "near")
        world.settle()
        assert world.get("ClusterRole", "wide")["metadata"]["name"] == "wide"


def test_unknown_kinds_of_owners_are_left_alone() -> None:
    with World() as world:
        unknown = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": "1"}
        world.apply(configmap("child", unknown))
        world.settle()
        assert "child" in _names(world)


def _names(world: World) -> list[str]:
    return [name_of(obj) for obj in world.list("ConfigMap", "default")]
