"""Storage that is in use stays; token Secrets are filled, believed, and go with their account."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.authn.tokens import Rejected
from podo.lab import Faults, World


def claim(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def user_of(name: str, **spec: Any) -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
    containers = [{"name": "main", "image": "nginx"}]
    metadata = {"name": "user", "namespace": "default"}
    spec = {"containers": containers, "volumes": volumes, "terminationGracePeriodSeconds": 0, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_a_claim_goes_when_no_pod_uses_it() -> None:
    with World(nodes=1) as world:
        world.apply([claim("used"), claim("free"), user_of("used", nodeName="node-0")])
        world.delete("PersistentVolumeClaim", "used")
        world.delete("PersistentVolumeClaim", "free")
        world.wait_for("PersistentVolumeClaim", "free", condition="delete")
        world.settle()
        assert "deletionTimestamp" in world.get("PersistentVolumeClaim", "used")["metadata"]
        world.delete("Pod", "user", grace_seconds=0)
        world.wait_for("PersistentVolumeClaim", "used", condition="delete")


def test_a_volume_goes_when_no_claim_is_bound_to_it() -> None:
    with World(nodes=0) as world:
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}}
        world.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": spec})
        world.settle()
        world.delete("PersistentVolume", "v")
        world.wait_for("PersistentVolume", "v", condition="delete")


@pytest.mark.parametrize("kind", ["PersistentVolume", "PersistentVolumeClaim"])
def test_protection_that_is_taken_away_comes_back(kind: str) -> None:
    with World(nodes=0) as world:
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}}
        world.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": spec})
        world.apply(claim("v"))
        namespace = "default" if kind == "PersistentVolumeClaim" else ""
        wanted = ["example.com/other", *world.get(kind, "v", namespace)["metadata"]["finalizers"]]
        patch = {"metadata": {"finalizers": ["example.com/other"]}}
        world.run(world.client.patch(kind, "v", namespace, patch=patch))
        world.wait_until(lambda: world.get(kind, "v", namespace)["metadata"]["finalizers"] == wanted, within=10)


def test_a_pod_that_only_waits_to_be_removed_uses_no_claims_of_its_own() -> None:
    """Its finalizer may wait for them to go."""
    template = {"spec": claim("")["spec"]}
    volumes = [{"name": "own", "ephemeral": {"volumeClaimTemplate": template}}]
    pod = user_of("shared", nodeName="node-0")
    pod["metadata"]["finalizers"] = ["example.com/hold"]
    pod["spec"]["volumes"] += volumes
    with World(nodes=1) as world:
        world.apply([claim("shared"), pod])
        world.wait_until(lambda: len(world.list("PersistentVolumeClaim")) == 2, within=10)
        for name in ("shared", "user-own"):
            world.delete("PersistentVolumeClaim", name)
        world.advance(30)
        assert len(world.list("PersistentVolumeClaim")) == 2
        world.delete("Pod", "user", grace_seconds=0)
        world.wait_for("PersistentVolumeClaim", "user-own", condition="delete")
        world.advance(30)
        assert world.get("PersistentVolumeClaim", "shared") and world.get("Pod", "user")


def token_secret(account: str) -> dict[str, Any]:
    annotations = {"kubernetes.io/service-account.name": account}
    metadata = {"name": "token", "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}


def test_a_token_secret_is_filled_and_believed_until_it_or_its_account_goes() -> None:
    with World(nodes=0) as world:
        for name in ("robot", "other"):
            metadata = {"name": name, "namespace": "default"}
            world.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        world.apply(token_secret("robot"))
        secret = world.wait_until(lambda: token_of(world), what="a token")
        tokens = world.simulation._plane.api.backend.tokens
        token = base64.b64decode(secret["data"]["token"]).decode()
        assert base64.b64decode(secret["data"]["namespace"]) == b"default"
        found = world.run(tokens.authenticate(token))
        assert found.user.name == "system:serviceaccount:default:robot"
        with pytest.raises(Rejected):
            world.run(tokens.authenticate(token[:-4] + "AAAA"))
        world.delete("ServiceAccount", "robot")
        world.wait_for("Secret", "token", condition="delete")
        with pytest.raises(Rejected):
            world.run(tokens.authenticate(token))


def test_a_token_secret_keeps_the_namespace_that_somebody_has_written() -> None:
    with World(nodes=0) as world:
        world.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot", "namespace": "default"}}
        )
        world.apply({**token_secret("robot"), "stringData": {"namespace": "elsewhere"}})
        secret = world.wait_until(lambda: token_of(world), what="a token")
        assert base64.b64decode(secret["data"]["namespace"]) == b"elsewhere"


def token_of(world: World) -> dict[str, Any] | None:
    secret = world.get("Secret", "token")
    return secret if (secret.get("data") or {}).get("token") else None


def test_a_token_secret_without_an_account_is_removed() -> None:
    with World(nodes=0) as world:
        world.apply(token_secret("nobody"))
        world.wait_for("Secret", "token", condition="delete")
        with pytest.raises(ApiError):
            world.get("Secret", "token")


def robot(*secrets: str) -> dict[str, Any]:
    listed = [{"name": name} for name in secrets]
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}, "secrets": listed}


def token_of_robot(name: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"kubernetes.io/service-account.name": "robot"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}


def listed(world: World) -> list[str]:
    return [each["name"] for each in world.get("ServiceAccount", "robot").get("secrets") or ()]


def test_an_account_forgets_a_token_that_is_gone() -> None:
    with World(nodes=0, faults=Faults(watch_lag=0.5, errors=0.1)) as world:
        world.apply(robot("one", "two", "plain", "never-made"))
        world.apply(
            [
                token_of_robot("one"),
                token_of_robot("two"),
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain"}},
            ]
        )
        world.wait_until(lambda: (world.get("Secret", "one").get("data") or {}).get("token"), within=30)
        world.delete("Secret", "one")
        world.delete("Secret", "plain")
        world.wait_until(lambda: listed(world) == ["two", "plain", "never-made"], within=30)
        world.advance(60)
        assert listed(world) == ["two", "plain", "never-made"], "what is no token is not its business"
        world.apply(robot("two"))
        world.delete("Secret", "two")
        world.wait_until(lambda: "secrets" not in world.get("ServiceAccount", "robot"), within=30)
