"""Cluster IPs and node ports: given once, given back, never lost to a failed write or a dry run."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.errors import ApiError
from podo.apiserver.allocation import Allocator, ProblemFound, holdings
from podo.runtime.chance import Chance
from tests.unit.apiserver.world import World, in_world, service


async def refused(world: World, obj: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as caught:
        await world.client.create(obj)
    assert caught.value.reason == "Invalid"
    return caught.value.message


def test_addresses_and_ports_are_filled_in() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(service("a", type="NodePort"))
        address = made["spec"]["clusterIP"]
        assert ipaddress.ip_address(address) in ipaddress.ip_network("10.96.0.0/16")
        assert made["spec"]["clusterIPs"] == [address]
        port = made["spec"]["ports"][0]["nodePort"]
        assert 30000 <= port <= 32767
        assert "provided IP is already allocated" in await refused(world, service("b", clusterIP=address))
        taken = service("b", type="NodePort", ports=[{"port": 80, "nodePort": port}])
        assert "provided port is already allocated" in await refused(world, taken)
        outside = await refused(world, service("b", clusterIP="192.168.0.1"))
        assert "failed to allocate IP 192.168.0.1: the provided network does not match the current range" in outside
        low = await refused(world, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 80}]))
        assert "The range of valid ports is 30000-32767" in low
        await world.client.delete("Service", "a", "default")
        assert (await world.client.create(service("b", clusterIP=address)))["spec"]["clusterIP"] == address

    in_world(test)


def test_headless_and_external_services_hold_nothing() -> None:
    async def test(world: World) -> None:
        headless = await world.client.create(service("a", clusterIP="None"))
        assert headless["spec"]["clusterIPs"] == ["None"]
        external = await world.client.create(service("b", type="ExternalName", externalName="example.com"))
        assert "clusterIP" not in external["spec"]

    in_world(test)


def test_what_was_not_written_is_given_back() -> None:
    async def test(world: World) -> None:
        wanted = service("a", clusterIP="10.96.0.10")
        await world.client.create(wanted, dry_run=True)
        bad = service("Bad_Name", clusterIP="10.96.0.10")
        assert "metadata.name" in await refused(world, bad)
        await world.client.create(wanted)
        with pytest.raises(ApiError) as caught:
            await world.client.create(service("a", type="NodePort", ports=[{"port": 1, "nodePort": 30001}]))
        assert caught.value.reason == "AlreadyExists"
        await world.client.create(service("b", type="NodePort", ports=[{"port": 1, "nodePort": 30001}]))

    in_world(test)


def test_an_update_keeps_what_it_leaves_out() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(service("a", type="NodePort"))
        kept = await world.client.update(service("a", type="NodePort"))
        assert kept["spec"] == made["spec"]
        change = {"spec": {"type": "ClusterIP"}}
        plain = await world.client.patch("Service", "a", "default", patch=change)
        assert "nodePort" not in plain["spec"]["ports"][0]
        assert plain["spec"]["clusterIP"] == made["spec"]["clusterIP"]
        port = made["spec"]["ports"][0]["nodePort"]
        await world.client.create(service("b", type="NodePort", ports=[{"port": 80, "nodePort": port}]))

    in_world(test)


def test_a_restart_knows_what_is_held() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(service("a"))
        await world.server.start()
        assert "already allocated" in await refused(world, service("b", clusterIP=made["spec"]["clusterIP"]))

    in_world(test)


Step = st.tuples(st.sampled_from(["reserve", "fail", "release"]), st.integers(0, 9), st.sampled_from(["", "NodePort"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(Step, max_size=60))
def test_no_two_services_hold_the_same(steps: list[tuple[str, int, str]]) -> None:
    allocator = Allocator("10.0.0.0/28", (30000, 30005), Chance(1))
    services: dict[int, dict[str, Any]] = {}
    for action, name, kind in steps:
        if action == "release":
            if found := services.pop(name, None):
                allocator.release(found)
            continue
        new = service(str(name), **({"type": kind} if kind else {}))
        try:
            reservation = allocator.reserve(new, services.get(name))
        except (ApiError, ProblemFound):
            continue
        if action == "reserve":
            reservation.commit()
            services[name] = new
        reservation.close()
        held = [one for found in services.values() for one in holdings(found)]
        assert len(held) == len(set(held))
        assert allocator.used == set(held)
