"""Rows of the inventory about single objects: which keys of data are taken, and what ``immutable`` holds fast."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.world import World, in_world, pod

MERGE = "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"
KINDS = pytest.mark.parametrize(("kind", "plural"), [("ConfigMap", "configmaps"), ("Secret", "secrets")])


@KINDS
def test_keys_of_data_are_checked(kind: str, plural: str) -> None:
    async def test(world: World) -> None:
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "it"}, "data": {"": "dmFsdWU="}}
        status, answer = await world.ask("POST", f"/api/v1/namespaces/default/{plural}", body)
        assert (status, answer["reason"]) == (422, "Invalid")
        assert [cause["field"] for cause in answer["details"]["causes"]] == ["data[]"]

    in_world(test)


@KINDS
def test_what_is_immutable_stays(kind: str, plural: str) -> None:
    async def test(world: World) -> None:
        many = f"/api/v1/namespaces/default/{plural}"
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "it"}, "data": {"a": "MQ=="}}
        assert (await world.ask("POST", many, body))[0] == 201

        async def patched(patch: dict[str, Any]) -> int:
            return (await world.ask("PATCH", f"{many}/it", patch, content_type=MERGE))[0]

        assert await patched({"data": {"a": "Mg=="}}) == 200
        assert await patched({"immutable": True}) == 200
        assert await patched({"data": {"a": "Mw=="}}) == 422
        assert await patched({"immutable": False}) == 422
        assert await patched({"metadata": {"labels": {"still": "labelled"}}}) == 200
        assert (await world.ask("DELETE", f"{many}/it"))[0] == 200

    in_world(test)


def test_names_of_sysctls_are_checked() -> None:
    async def test(world: World) -> None:
        names = ["foo-", "kernel.shmmax", "safe-and-unsafe", "net/ipv4/ip_forward", "bar..", "a" * 254]
        context = {"sysctls": [{"name": name, "value": "100000000"} for name in names]}
        status, answer = await world.ask("POST", PODS, pod("it", securityContext=context))
        assert status == 422
        wrong = [cause["field"] for cause in answer["details"]["causes"]]
        assert wrong == [f"spec.securityContext.sysctls[{index}].name" for index in (0, 4, 5)]
        assert 'Invalid value: "foo-"' in answer["message"] and 'Invalid value: "bar.."' in answer["message"]
        assert "kernel.shmmax" not in answer["message"]

    in_world(test)


def test_volumes_of_a_driver_may_be_asked_for_in_the_pod_itself() -> None:
    """Whether a node can mount them is the driver's matter; the API keeps, lists, changes and deletes such pods."""
    source = {"driver": "e2e.example.com", "fsType": "ext4", "readOnly": True, "volumeAttributes": {"size": "1"}}
    asked = pod("it", volumes=[{"name": "inline", "csi": {**source, "nodePublishSecretRef": {"name": "key"}}}])
    asked["metadata"]["labels"] = {"e2e": "csi-inline"}

    async def test(world: World) -> None:
        assert (await world.ask("POST", PODS, asked))[0] == 201
        _, listed = await world.ask("GET", f"{PODS}?labelSelector=e2e%3Dcsi-inline")
        assert [item["spec"]["volumes"][0]["csi"]["driver"] for item in listed["items"]] == ["e2e.example.com"]
        patch = {"metadata": {"labels": {"patched": "yes"}}}
        status, patched = await world.ask("PATCH", f"{PODS}/it", patch, content_type=MERGE)
        assert status == 200 and patched["metadata"]["labels"]["patched"] == "yes"
        _, read = await world.ask("GET", f"{PODS}/it")
        assert read["spec"]["volumes"] == [
            {"name": "inline", "csi": {**source, "nodePublishSecretRef": {"name": "key"}}},
            *read["spec"]["volumes"][1:],
        ]
        assert (await world.ask("DELETE", f"{PODS}/it?gracePeriodSeconds=0"))[0] == 200
        assert (await world.ask("GET", f"{PODS}/it"))[0] == 404

    in_world(test)
