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
