"""Rows of the inventory about Services: what becomes of addresses and ports when the type changes."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import World, in_world, service

ONE = "/api/v1/namespaces/default/services/web"


async def change(world: World, **spec: Any) -> dict[str, Any]:
    patch = {"spec": spec}
    status, answer = await world.ask("PATCH", ONE, patch, content_type="application/merge-patch+json")
    assert status == 200, answer
    found = answer["spec"]
    assert isinstance(found, dict)
    return found


def test_a_service_changes_its_type() -> None:
    async def test(world: World) -> None:
        await world.client.create(service("web", type="ClusterIP"))
        outside = {"type": "ExternalName", "externalName": "example.com", "clusterIP": None, "clusterIPs": None}
        spec = await change(world, **outside)
        assert spec["externalName"] == "example.com" and not spec.get("clusterIP")
        spec = await change(world, type="ClusterIP", externalName=None)
        assert spec["clusterIP"] and "nodePort" not in spec["ports"][0]
        await change(world, **outside)
        spec = await change(world, type="NodePort", externalName=None)
        assert spec["clusterIP"] and spec["ports"][0]["nodePort"] >= 30000
        spec = await change(world, **outside)
        assert not spec.get("clusterIP") and "nodePort" not in spec["ports"][0]

    in_world(test)


def test_affinity_is_switched() -> None:
    async def test(world: World) -> None:
        await world.client.create(service("web", sessionAffinity="ClientIP"))
        spec = await change(world, sessionAffinity="None")
        assert spec["sessionAffinity"] == "None" and "sessionAffinityConfig" not in spec
        spec = await change(world, sessionAffinity="ClientIP")
        assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}

    in_world(test)
