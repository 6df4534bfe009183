"""Each cluster IP has an IPAddress object, made and removed in one step with its Service; ranges are ServiceCIDRs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.api.kinds.networking.ipaddress import of_service
from podo.apiserver.app import ApiServer
from podo.apiserver.backend import Config
from podo.apiserver.local import LocalClient
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.contract import Record, Write
from podo.storage.memory import MemoryStore
from tests.unit.apiserver.world import TABLE, World, in_world, service

LABELS = {"ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}


def cidr(name: str, *cidrs: str) -> dict[str, Any]:
    spec = {"cidrs": list(cidrs)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name}, "spec": spec}


async def addresses(client: LocalClient) -> list[str]:
    return [one["metadata"]["name"] for one in (await client.list("IPAddress")).items]


async def refusal(world: World, obj: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await world.client.create(obj)
    return caught.value


def test_a_service_brings_its_address_and_takes_it_along() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(service("a"))
        address = made["spec"]["clusterIP"]
        found = await world.client.get("IPAddress", address)
        assert found["metadata"]["labels"] == LABELS
        assert found["spec"] == {"parentRef": {"resource": "services", "namespace": "default", "name": "a"}}
        assert found["metadata"]["managedFields"][0]["manager"] == "kube-apiserver"
        assert found["metadata"]["uid"]
        assert found["metadata"]["creationTimestamp"]
        assert int(found["metadata"]["resourceVersion"]) == int(made["metadata"]["resourceVersion"]) - 1
        _, table = await world.ask("GET", "/apis/networking.k8s.io/v1/ipaddresses", accept=TABLE)
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "ParentRef", "Age"]
        assert table["rows"][0]["cells"][:2] == [address, "services/default/a"]
        await world.client.delete("Service", "a", "default")
        assert await addresses(world.client) == []

    in_world(test)


def test_headless_external_and_refused_services_have_none() -> None:
    async def test(world: World) -> None:
        await world.client.create(service("a", clusterIP="None"))
        await world.client.create(service("b", type="ExternalName", externalName="example.com"))
        await world.client.create(service("c"), dry_run=True)
        await refusal(world, service("Bad_Name"))
        assert (await refusal(world, service("a"))).reason == "AlreadyExists"
        revision = world.store.revision
        await refusal(world, service("a"))
        assert world.store.revision == revision, "a refused Service writes nothing"
        assert await addresses(world.client) == []

    in_world(test)


def test_a_change_of_type_gives_the_address_back_and_takes_another() -> None:
    async def test(world: World) -> None:
        first = (await world.client.create(service("a")))["spec"]["clusterIP"]
        outside = {"spec": {"type": "ExternalName", "externalName": "example.com"}}
        await world.client.patch("Service", "a", "default", patch=outside, dry_run=True)
        assert await addresses(world.client) == [first]
        changed = await world.client.patch("Service", "a", "default", patch=outside)
        assert "clusterIP" not in changed["spec"]
        assert await addresses(world.client) == []
        await world.client.create(service("b", clusterIP=first))
        inside = {"spec": {"type": "ClusterIP", "externalName": None}}
        back = await world.client.patch("Service", "a", "default", patch=inside)
        assert back["spec"]["clusterIP"] != first
        assert sorted(await addresses(world.client)) == sorted([first, back["spec"]["clusterIP"]])

    in_world(test)


def test_a_finalizer_keeps_the_address_as_long_as_its_service() -> None:
    async def test(world: World) -> None:
        kept = service("a")
        kept["metadata"]["finalizers"] = ["example.com/hold"]
        address = (await world.client.create(kept))["spec"]["clusterIP"]
        await world.client.delete("Service", "a", "default")
        assert await addresses(world.client) == [address]
        assert (await refusal(world, service("b", clusterIP=address))).reason == "Invalid"
        await world.client.patch("Service", "a", "default", patch={"metadata": {"finalizers": None}})
        assert await addresses(world.client) == []
        await world.client.create(service("b", clusterIP=address))

    in_world(test)


def test_an_address_that_somebody_holds_outlives_its_service() -> None:
    async def test(world: World) -> None:
        address = (await world.client.create(service("a")))["spec"]["clusterIP"]
        hold = {"metadata": {"finalizers": ["example.com/hold"]}}
        await world.client.patch("IPAddress", address, patch=hold)
        await world.client.delete("Service", "a", "default")
        assert "deletionTimestamp" in (await world.client.get("IPAddress", address))["metadata"]
        assert "already allocated" in (await refusal(world, service("b", clusterIP=address))).message
        await world.client.patch("IPAddress", address, patch={"metadata": {"finalizers": None}})
        await world.client.create(service("b", clusterIP=address))

    in_world(test)


def test_what_is_named_by_hand_is_taken() -> None:
    async def test(world: World) -> None:
        gateway = of_service("10.96.0.9", "default", "a")
        gateway["metadata"]["labels"] = {}
        gateway["spec"]["parentRef"] = {"group": "gateway.networking.k8s.io", "resource": "gateways", "name": "g"}
        await world.client.create(gateway)
        refused = await refusal(world, service("a", clusterIP="10.96.0.9"))
        text = 'Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated'
        assert refused.message == f'Service "a" is invalid: spec.clusterIPs: {text}'
        await world.client.delete("IPAddress", "10.96.0.9")
        await world.client.create(service("a", clusterIP="10.96.0.9"))
        await world.client.delete("IPAddress", "10.96.0.9")  # it stays the Service's all the same
        assert "already allocated" in (await refusal(world, service("b", clusterIP="10.96.0.9"))).message

    in_world(test)


@pytest.mark.parametrize("edge", ["10.96.0.0", "10.96.255.255", "10.97.0.1"])
def test_the_edges_of_a_range_are_not_given(edge: str) -> None:
    async def test(world: World) -> None:
        refused = await refusal(world, service("a", clusterIP=edge))
        assert refused.message.endswith(f"failed to allocate IP {edge}: {MISMATCH}")

    in_world(test)


MISMATCH = "the provided network does not match the current range"


def test_a_second_range_gives_addresses_when_the_first_is_full() -> None:
    async def test(world: World) -> None:
        for n in range(6):
            await world.client.create(service(f"a{n}"))
        full = await refusal(world, service("b"))
        assert full.reason == "InternalError"
        assert full.message == "Internal error occurred: failed to allocate a serviceIP: range is full"
        assert MISMATCH in (await refusal(world, service("b", clusterIP="10.1.0.4"))).message
        await world.client.create(cidr("more", "10.1.0.0/28"))
        found = (await world.client.create(service("b")))["spec"]["clusterIP"]
        assert found.startswith("10.1.0.")
        await world.client.delete("Service", "b", "default")
        await world.client.create(service("c", clusterIP="10.1.0.4"))
        not_ready = {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "", "message": ""}]}}
        not_ready["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        await world.client.patch("ServiceCIDR", "more", patch=not_ready, subresource="status")
        assert "range is full" in (await refusal(world, service("b"))).message
        assert MISMATCH in (await refusal(world, service("b", clusterIP="10.1.0.5"))).message
        await world.client.delete("Service", "a3", "default")
        assert (await world.client.create(service("b")))["spec"]["clusterIP"].startswith("10.96.0.")

    in_world(test, service_cidr="10.96.0.0/29")


def test_a_range_that_is_deleted_gives_nothing_more() -> None:
    async def test(world: World) -> None:
        held = cidr("more", "10.1.0.0/28")
        held["metadata"]["finalizers"] = ["networking.k8s.io/service-cidr-finalizer"]
        await world.client.create(held)
        await world.client.create(service("a", clusterIP="10.1.0.4"))
        await world.client.delete("ServiceCIDR", "more")
        assert MISMATCH in (await refusal(world, service("b", clusterIP="10.1.0.5"))).message
        await world.client.delete("Service", "a", "default")
        assert await addresses(world.client) == []

    in_world(test)


def test_the_lower_part_of_a_range_is_left_to_who_asks_for_an_address() -> None:
    async def test(world: World) -> None:
        made = [(await world.client.create(service(f"a{n}")))["spec"]["clusterIP"] for n in range(14)]
        assert sorted(made) == sorted(f"10.96.0.{n}" for n in range(17, 31))
        low = (await world.client.create(service("b")))["spec"]["clusterIP"]
        assert int(low.rpartition(".")[2]) in range(1, 17)

    in_world(test, service_cidr="10.96.0.0/27")


def test_services_of_one_moment_never_share_an_address() -> None:
    async def test(world: World) -> None:
        creates = (world.client.create(service(f"a{n}")) for n in range(60))
        done = await asyncio.gather(*creates, return_exceptions=True)
        made = [one["spec"]["clusterIP"] for one in done if not isinstance(one, BaseException)]
        assert len(made) == len(set(made)) == 30
        assert sorted(made) == sorted(await addresses(world.client))

    in_world(test, service_cidr="10.96.0.0/27")


class SlowStore(MemoryStore):
    """Others come in between a look, the decision and its write."""

    async def get(self, key: str) -> Record | None:
        await asyncio.sleep(0)
        return await super().get(key)

    async def write_all(self, writes: Sequence[Write]) -> list[Record]:
        await asyncio.sleep(0)
        return await super().write_all(writes)


async def small_servers(count: int) -> list[ApiServer]:
    """Servers over one slow store, with six addresses."""
    store, clock = SlowStore(stamp), SystemClock()
    servers = [ApiServer(store, clock, Chance(1), Config(service_cidr="10.96.0.0/29")) for _ in range(count)]
    for server in servers:
        await server.start()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    await LocalClient(servers[0]).create(namespace)
    return servers


def test_two_servers_over_one_store_never_give_the_same_address() -> None:
    async def test() -> None:
        servers = await small_servers(2)
        clients = [LocalClient(server) for server in servers]
        creates = (clients[n % 2].create(service(f"a{n}")) for n in range(12))
        done = await asyncio.gather(*creates, return_exceptions=True)
        made = [one["spec"]["clusterIP"] for one in done if not isinstance(one, BaseException)]
        refusals = [str(one) for one in done if isinstance(one, BaseException)]
        assert len(made) == len(set(made))
        assert sorted(made) == sorted(await addresses(clients[0]))
        assert any("provided IP is already allocated" in text for text in refusals), "they met at least once"
        assert all("already allocated" in text or "range is full" in text for text in refusals)

    asyncio.run(test())


Step = st.tuples(st.sampled_from(["create", "create", "ask", "delete", "outside", "inside", "dry"]), st.integers(0, 5))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(Step, min_size=1, max_size=4), max_size=12))
def test_whatever_happens_at_once_the_addresses_are_those_of_the_services(rounds: list[list[tuple[str, int]]]) -> None:
    async def act(client: LocalClient, action: str, number: int) -> None:
        name, outside = f"s{number}", {"spec": {"type": "ExternalName", "externalName": "example.com"}}
        try:
            if action == "delete":
                await client.delete("Service", name, "default")
            elif action == "outside":
                await client.patch("Service", name, "default", patch=outside)
            elif action == "inside":
                await client.patch("Service", name, "default", patch={"spec": {"type": "ClusterIP"}})
            elif action == "ask":
                await client.create(service(name, clusterIP=f"10.96.0.{number % 3 + 1}"))
            else:
                await client.create(service(name), dry_run=action == "dry")
        except ApiError as refused:
            assert refused.reason in ("AlreadyExists", "NotFound", "Invalid", "InternalError", "Conflict")
            if refused.reason == "InternalError":
                assert "range is full" in refused.message

    async def test() -> None:
        (server,) = await small_servers(1)
        client = LocalClient(server)
        for steps in rounds:
            await asyncio.gather(*(act(client, *step) for step in steps))
            services = (await client.list("Service")).items
            used = [one["spec"]["clusterIP"] for one in services if one["spec"].get("clusterIP")]
            assert sorted(used) == sorted(await addresses(client))
            assert len(used) == len(set(used))
            assert server.backend.allocator.used == set(used)

    asyncio.run(test())
