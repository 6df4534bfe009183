"""Who gets an answer of a node's DNS server: pods, nodes and this machine, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.apiserver.world import World, in_world

from podo.client.cache import Cache
from podo.client.reflector import Source
from podo.network.dns import clients, server
from podo.network.dns.clients import Clients
from podo.network.dns.forward import Forwarder
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock

#: Of a range for documentation: networks that clusters use may be on the machine that this runs on.
PODS, NODES = "203.0.113.0/26", "203.0.113.64/26"


def node(name: str, *addresses: tuple[str, str]) -> dict[str, Any]:
    listed = [{"type": kind, "address": address} for kind, address in addresses]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": listed}}


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("203.0.113.7", True),
        ("203.0.113.66", True),
        ("127.0.0.1", True),
        ("192.0.2.1", False),
        ("203.0.113.129", False),
    ],
)
def test_pods_and_this_machine_may_ask_and_strangers_may_not(address: str, may: bool) -> None:
    assert Clients((PODS, NODES, "")).may_ask(address) is may


def test_nodes_may_ask_from_when_they_are_known_until_they_are_gone() -> None:
    async def test(world: World) -> None:
        cache = Cache(world.client, [Source("Node")], clock=SystemClock(), chance=Chance(1))
        asked = Clients((PODS,), cache)
        asked.start()
        await cache.start()
        await cache.wait_synced()
        assert not asked.may_ask("192.0.2.9")
        await world.client.create(node("n9", ("InternalIP", "192.0.2.9"), ("Hostname", "198.51.100.1")))
        await until(lambda: asked.may_ask("192.0.2.9"))
        assert not asked.may_ask("198.51.100.1")
        await world.client.delete("Node", "n9")
        await until(lambda: not asked.may_ask("192.0.2.9"))
        await cache.stop()

    in_world(test)


async def until(true: Any) -> None:
    while not true():
        await asyncio.sleep(0.005)


def test_a_stranger_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by UDP nor by TCP. (Loopback is a stranger here: nothing else can be asked from.)"""
    query = bytes.fromhex("0001 0100 0001 0000 0000 0000 0377 6562 0764 6566 6175 6c74 0373 7663 07")
    query += b"cluster\x05local\x00\x00\x01\x00\x01"

    async def test(world: World) -> None:
        cache = Cache(world.client, ["Service", "EndpointSlice"], clock=SystemClock(), chance=Chance(1))
        await cache.start()
        await cache.wait_synced()
        for known in (True, False):
            monkeypatch.setattr(clients, "is_local", lambda address, known=known: known)
            serving = server.DnsServer(cache, "cluster.local", "127.0.0.1", Forwarder([]), Clients())
            await serving.start()
            answered = await asyncio.gather(
                by_udp(serving.port, query, 60.0 if known else 0.1), by_tcp(serving.port, query)
            )
            assert answered == [known, known]
            await serving.stop()
        await cache.stop()

    in_world(test)


async def by_udp(port: int, query: bytes, patience: float) -> bool:
    heard = asyncio.get_running_loop().create_future()

    class Asker(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            heard.set_result(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Asker, remote_addr=("127.0.0.1", port))
    try:
        transport.sendto(query)
        async with asyncio.timeout(patience):
            return bool(await heard)
    except TimeoutError:
        return False
    finally:
        transport.close()


async def by_tcp(port: int, query: bytes) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(len(query).to_bytes(2, "big") + query)
    try:
        return bool(await reader.read(2))
    except OSError:
        return False
    finally:
        writer.close()
