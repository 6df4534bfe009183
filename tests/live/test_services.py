"""Services in the kernel's own nftables: real sockets behind addresses of a private network namespace."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections import Counter
from typing import Any

import pytest

from podo.client.cache import Cache
from podo.network.services.nftables import Nftables
from podo.network.services.proxy import KINDS, ServiceProxy
from podo.network.services.rules import NodeFacts
from podo.network.services.table import TableFacts, delete_text
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.runtime.tasks import sleep, within
from tests.live.machine import needs_root
from tests.live.netns import in_own_network

pytestmark = [pytest.mark.live, needs_root]

NODE, POD_A, POD_B, POD_C = "192.0.2.9", "10.244.0.2", "10.244.0.3", "10.244.0.4"
CLUSTER_IP, NODE_PORT = "10.96.0.20", 30080
TO_A = f"ip daddr {POD_A}"


def service(**spec: Any) -> dict[str, Any]:
    ports = [
        {"name": "http", "port": 80, "protocol": "TCP", "nodePort": NODE_PORT},
        {"name": "echo", "port": 53, "protocol": "UDP"},
    ]
    metadata = {"name": "web", "namespace": "default", "uid": "s", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"type": "NodePort", "clusterIP": CLUSTER_IP, "ports": ports, **spec}}


def pieces(*addresses: str, revision: int = 1, conditions: dict[str, bool] | None = None) -> dict[str, Any]:
    metadata = {"name": "web-1", "namespace": "default", "uid": "e", "resourceVersion": str(revision)}
    endpoints = [{"addresses": [a], "conditions": conditions or {"ready": True}, "nodeName": "n1"} for a in addresses]
    return {
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}, {"name": "echo", "port": 5353}],
        "endpoints": endpoints,
    }


class Network:
    """Pods are addresses on ``lo`` with servers that say their own address; the proxy is the real one."""

    def __init__(self) -> None:
        self.cache = Cache(None, KINDS, clock=SystemClock(), chance=Chance(1))  # type: ignore[arg-type]
        facts = TableFacts("podo_test", "10.244.0.0/16", "10.96.0.0/16", (NODE,))
        self.nft = Nftables()
        self.proxy = ServiceProxy(self.cache, NodeFacts("n1"), facts, self.nft)
        self.revision = 1
        #: Whom the pods saw: address and port.
        self.peers: list[tuple[str, int]] = []

    async def __aenter__(self) -> Network:
        for address in (NODE, POD_A, POD_B, POD_C):
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        subprocess.run(["ip", "route", "add", "10.96.0.0/16", "dev", "lo", "src", NODE], check=True)
        for address in (POD_A, POD_B, POD_C):
            await asyncio.start_server(lambda r, w, a=address: self._answer(w, a), address, 8080)
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(lambda a=address: Echo(a), local_addr=(address, 5353))
        self.put("Service", [])
        self.put("EndpointSlice", [])
        self.put("Pod", [])
        await self.proxy.start()
        await within(60, self.proxy.synced.wait())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.proxy.stop()
        self.nft.run(delete_text("podo_test"))

    def _answer(self, writer: asyncio.StreamWriter, address: str) -> None:
        self.peers.append(writer.get_extra_info("peername"))
        writer.write(address.encode())
        writer.close()

    def put(self, kind: str, items: list[dict[str, Any]]) -> None:
        self.revision += 1
        for item in items:
            item["metadata"]["resourceVersion"] = str(self.revision)
        self.cache.replace(kind, items, self.revision)

    async def who(self, address: str, port: int, times: int = 30) -> Counter[str]:
        """Who answers."""
        found: Counter[str] = Counter()
        for _ in range(times):
            reader, writer = await within(60, asyncio.open_connection(address, port))
            found[(await within(60, reader.read())).decode()] += 1
            writer.close()
        return found

    async def eventually(self, address: str, port: int, expected: set[str]) -> None:
        """Wait until exactly these answer."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + 60
        while clock() < deadline:
            try:
                if set(await self.who(address, port)) == expected:
                    return
            except OSError:
                if not expected:
                    return
            await sleep(0.02)
        raise AssertionError(f"{address}:{port}: {await self.who(address, port)}, expected {expected}")

    async def udp(self, address: str, port: int, times: int = 30) -> set[str]:
        loop = asyncio.get_running_loop()
        found = set()
        for _ in range(times):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                await loop.sock_connect(client, (address, port))
                await loop.sock_sendall(client, b"?")
                found.add((await within(60, loop.sock_recv(client, 100))).decode())
        return found


class Echo(asyncio.DatagramProtocol):
    def __init__(self, address: str) -> None:
        self.address = address

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        self.transport.sendto(self.address.encode(), address)


@in_own_network
def test_traffic_follows_services_and_endpoints() -> None:
    async def body() -> None:
        async with Network() as network:
            network.put("Service", [service()])
            network.put("EndpointSlice", [pieces(POD_A, POD_B)])
            await network.eventually(CLUSTER_IP, 80, {POD_A, POD_B})
            await network.eventually(NODE, NODE_PORT, {POD_A, POD_B})
            assert await network.udp(CLUSTER_IP, 53) == {POD_A, POD_B}
            network.put("EndpointSlice", [pieces(POD_A, POD_B, POD_C)])
            await network.eventually(CLUSTER_IP, 80, {POD_A, POD_B, POD_C})
            network.put("EndpointSlice", [pieces(POD_C)])
            await network.eventually(CLUSTER_IP, 80, {POD_C})
            await network.eventually(NODE, NODE_PORT, {POD_C})
            assert await network.udp(CLUSTER_IP, 53) == {POD_C}

    asyncio.run(body())


@in_own_network
def test_connections_of_this_machine_keep_their_port() -> None:
    """So that the pod never takes the beginning of one for a leftover of another."""

    async def body() -> None:
        async with Network() as network:
            network.put("Service", [service()])
            network.put("EndpointSlice", [pieces(POD_A, POD_B)])
            await network.eventually(CLUSTER_IP, 80, {POD_A, POD_B})
            network.peers.clear()
            sent = []
            for _ in range(20):
                reader, writer = await within(60, asyncio.open_connection(CLUSTER_IP, 80))
                sent.append(writer.get_extra_info("sockname")[1])
                await within(60, reader.read())
                writer.close()
            assert [port for _, port in network.peers] == sent

    asyncio.run(body())


@in_own_network
def test_a_port_is_good_again_whose_connection_met_a_pod_that_went() -> None:
    """Its SYN was never answered; the next one from the same port goes to a pod that is there."""

    async def began(port: int, seconds: float) -> str:
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind((NODE, port))
            loop = asyncio.get_running_loop()
            await within(seconds, loop.sock_connect(client, (CLUSTER_IP, 80)))
            return (await within(seconds, loop.sock_recv(client, 100))).decode()

    async def body() -> None:
        async with Network() as network:
            network.nft.run(f"table ip gone {{ chain drops {{ type filter hook input priority 0; {TO_A} drop; }}; }}")
            network.put("Service", [service()])
            network.put("EndpointSlice", [pieces(POD_A)])
            await network.proxy.settled()
            with pytest.raises(TimeoutError):
                await began(45000, 0.5)
            network.put("EndpointSlice", [pieces(POD_B)])
            await network.proxy.settled()
            assert await began(45000, 60) == POD_B

    asyncio.run(body())


@in_own_network
def test_without_endpoints_connections_are_refused_at_once() -> None:
    async def body() -> None:
        async with Network() as network:
            network.put("Service", [service()])
            with pytest.raises(ConnectionRefusedError):
                await within(60, asyncio.open_connection(CLUSTER_IP, 80))
            network.put("EndpointSlice", [pieces(POD_A)])
            await network.eventually(CLUSTER_IP, 80, {POD_A})
            network.put("Service", [])
            await network.eventually(CLUSTER_IP, 80, set())

    asyncio.run(body())


@in_own_network
def test_client_affinity_ends_at_one_pod() -> None:
    async def body() -> None:
        async with Network() as network:
            network.put("Service", [service(sessionAffinity="ClientIP")])
            network.put("EndpointSlice", [pieces(POD_A, POD_B, POD_C)])
            clock = asyncio.get_running_loop().time
            deadline = clock() + 60
            while clock() < deadline:
                try:
                    assert len(await network.who(CLUSTER_IP, 80)) == 1
                    return
                except OSError:
                    await sleep(0.02)
            raise AssertionError("never answered")

    asyncio.run(body())


@in_own_network
def test_ending_endpoints_serve_when_no_other_is_ready() -> None:
    async def body() -> None:
        async with Network() as network:
            network.put("Service", [service()])
            ending = {"ready": False, "serving": True, "terminating": True}
            network.put("EndpointSlice", [pieces(POD_B, conditions=ending)])
            await network.eventually(CLUSTER_IP, 80, {POD_B})

    asyncio.run(body())


@in_own_network
def test_traffic_goes_to_the_zone_that_the_node_is_in_now() -> None:
    def node(zone: str) -> dict[str, Any]:
        return {"metadata": {"name": "n1", "uid": "n", "labels": {"topology.kubernetes.io/zone": zone}}}

    async def body() -> None:
        async with Network() as network:
            piece = pieces(POD_A, POD_B)
            for endpoint, zone in zip(piece["endpoints"], ("a", "b"), strict=True):
                endpoint["hints"] = {"forZones": [{"name": zone}]}
            network.put("Service", [service()])
            network.put("EndpointSlice", [piece])
            await network.eventually(CLUSTER_IP, 80, {POD_A, POD_B})
            network.put("Node", [node("a")])
            await network.eventually(CLUSTER_IP, 80, {POD_A})
            network.put("Node", [node("b")])
            await network.eventually(CLUSTER_IP, 80, {POD_B})

    asyncio.run(body())


@in_own_network
def test_host_ports_lead_to_the_pod() -> None:
    async def body() -> None:
        async with Network() as network:
            container = {"name": "c", "ports": [{"containerPort": 8080, "hostPort": 8888, "protocol": "TCP"}]}
            metadata = {"name": "p", "namespace": "default", "uid": "p"}
            status = {"podIP": POD_A, "phase": "Running"}
            network.put("Pod", [{"metadata": metadata, "spec": {"containers": [container]}, "status": status}])
            await network.eventually(NODE, 8888, {POD_A})
            network.put("Pod", [])
            await network.eventually(NODE, 8888, set())

    asyncio.run(body())


@in_own_network
def test_a_broken_table_is_made_again() -> None:
    async def body() -> None:
        async with Network() as network:
            network.put("Service", [service()])
            network.put("EndpointSlice", [pieces(POD_A)])
            await network.eventually(CLUSTER_IP, 80, {POD_A})
            network.nft.run(delete_text("podo_test"))
            network.put("EndpointSlice", [pieces(POD_B)])  # this change fails, and the next try replaces the table
            await network.eventually(CLUSTER_IP, 80, {POD_B})

    asyncio.run(body())


def test_the_machine_has_what_these_tests_need() -> None:
    assert shutil.which("nft")
    assert shutil.which("conntrack")
