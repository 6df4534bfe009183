"""NetworkPolicies in the kernel's own nftables: pods are network namespaces behind a private one, which is the node."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from podo.client.cache import Cache
from podo.network.policy.enforcer import KINDS, PEER_KINDS, PolicyEnforcer
from podo.network.services.nftables import Nftables
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.runtime.tasks import sleep, within
from tests.live.machine import needs_root
from tests.live.netns import in_own_network
from tests.unit.apiserver.world import World

pytestmark = [pytest.mark.live, needs_root]

NODE = "192.0.2.9"
SERVERS = "httpd -f -p 80 -h {home} & exec httpd -f -p 8080 -h {home}"
#: Name, namespace, address.
PODS = {
    "web": ("default", "10.244.0.2"),
    "api": ("default", "10.244.0.3"),
    "far": ("other", "10.244.0.4"),
}


class Node:
    """A node with pods, policies made through a real API server, and the real enforcer."""

    def __init__(self, world: World, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        self.world, self.processes = world, processes
        clock, chance = SystemClock(), Chance(1)
        self.cache = Cache(world.client, KINDS, clock=clock, chance=chance)
        peers = Cache(world.client, PEER_KINDS, clock=clock, chance=chance)
        self.nft = Nftables()
        self.enforcer = PolicyEnforcer(self.cache, peers, "n1", "10.96.0.10", "podo_test.policies", self.nft)

    async def start(self) -> None:
        other = {"name": "other", "labels": {"team": "b"}}
        await self.world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": other})
        system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        await self.world.client.create(system)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "other"}}
        await self.world.client.create(account)
        for name, (namespace, address) in PODS.items():
            ports = [{"name": "http", "containerPort": 8080}]
            container = {"name": "c", "image": "i", "ports": ports}
            metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
            made = await self.world.client.create({**pod, "spec": {"nodeName": "n1", "containers": [container]}})
            made["status"] = {**made["status"], "podIP": address, "podIPs": [{"ip": address}], "phase": "Running"}
            await self.world.client.update(made, subresource="status")
        await self.cache.start()
        await self.cache.wait_synced()
        await self.enforcer.start()
        await within(60, self.enforcer.synced.wait())

    async def stop(self) -> None:
        await self.enforcer.stop()
        await self.cache.stop()
        self.nft.close()

    async def policy(self, name: str, app: str | None = None, **spec: Any) -> None:
        selector = {"matchLabels": {"app": app}} if app else {}
        made = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        metadata = {"name": name, "namespace": "default"}
        await self.world.client.create({**made, "metadata": metadata, "spec": {"podSelector": selector, **spec}})

    async def forget(self, name: str) -> None:
        await self.world.client.delete("NetworkPolicy", name, "default")

    async def reaches(self, source: str, target: str, port: int = 80) -> bool:
        """Does a connection come about? ``source``: a pod, or ``node``."""
        address = PODS[target][1] if target in PODS else target
        command = ["busybox", "timeout", "1", "busybox", "nc", address, str(port)]
        if source != "node":
            command = ["nsenter", "--net", f"--target={self.processes[source].pid}", *command]
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nowhere, stderr=nowhere
        )
        await within(60, process.communicate(b"GET / HTTP/1.0\r\n\r\n"))
        return process.returncode == 0

    async def eventually(self, expected: dict[tuple[Any, ...], bool]) -> None:
        """Wait until every one of these connections comes about, or does not."""
        found: dict[tuple[Any, ...], bool] = {}
        clock = asyncio.get_running_loop().time
        deadline = clock() + 60
        while clock() < deadline:
            answers = await asyncio.gather(*(self.reaches(*way) for way in expected))
            found = dict(zip(expected, answers, strict=True))
            if found == expected:
                return
            await sleep(0.05)
        raise AssertionError({way: found[way] for way in expected if found[way] != expected[way]})


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def pods(home: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Each pod is a network namespace held by its two web servers, joined to the node by a veth pair."""
    found: dict[str, subprocess.Popen[bytes]] = {}
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    ip("address", "add", f"{NODE}/32", "dev", "lo")
    own = os.readlink("/proc/self/ns/net")
    try:
        for name, (_, address) in PODS.items():
            command = ["unshare", "--net", "busybox", "sh", "-c", SERVERS.format(home=home)]
            process = found[name] = subprocess.Popen(command, start_new_session=True)
            while os.readlink(f"/proc/{process.pid}/ns/net") == own:
                assert process.poll() is None
            ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
            ip("link", "set", f"v{name}", "up")
            ip("route", "add", f"{address}/32", "dev", f"v{name}", "src", NODE)
            inside = f"ip link set lo up; ip address add {address}/32 dev eth0; ip link set eth0 up"
            inside += f"; ip route add {NODE} dev eth0; ip route add default via {NODE} dev eth0"
            subprocess.run(["nsenter", "--net", f"--target={process.pid}", "sh", "-c", inside], check=True)
        yield found
    finally:
        for process in found.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def on_a_node(test: Any) -> Any:
    @in_own_network
    def run() -> None:
        async def body(processes: dict[str, subprocess.Popen[bytes]]) -> None:
            node = Node(await World().start(), processes)
            await node.start()
            try:
                await node.eventually({("api", "web"): True, ("far", "web"): True, ("node", "web"): True})
                await test(node)
            finally:
                await node.stop()

        with pods("/") as processes:
            asyncio.run(within(280, body(processes)))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@on_a_node
async def test_default_deny_closes_and_opens_again(node: Node) -> None:
    await node.policy("deny")
    closed = {("api", "web"): False, ("far", "web"): False, ("web", "api"): False, ("web", "far"): True}
    await node.eventually({**closed, ("node", "web"): True, ("web", "web"): True})
    await node.forget("deny")
    await node.eventually({("api", "web"): True, ("far", "web"): True})


@on_a_node
async def test_labels_namespaces_and_ports(node: Node) -> None:
    await node.policy(
        "web",
        "web",
        ingress=[
            {"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": 80}]},
            {"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}], "ports": [{"port": "http"}]},
        ],
    )
    allowed = {("api", "web", 80): True, ("api", "web", 8080): False}
    await node.eventually({**allowed, ("far", "web", 80): False, ("far", "web", 8080): True})
    patch = {"metadata": {"labels": {"team": "c"}}}
    await node.world.client.patch("Namespace", "other", patch=patch)
    await node.eventually({**allowed, ("far", "web", 8080): False})


@on_a_node
async def test_egress_to_pods_and_blocks(node: Node) -> None:
    block = {"cidr": "10.244.0.0/24", "except": [f"{PODS['api'][1]}/32"]}
    await node.policy(
        "out", "web", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": block}], "ports": [{"port": 80}]}]
    )
    ways = {("web", "far", 80): True, ("web", "far", 8080): False, ("web", "api", 80): False, ("api", "web", 80): True}
    await node.eventually(ways)
    to_api = [{"to": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": 8080, "endPort": 8081}]}]
    await node.policy("more", "web", policyTypes=["Egress"], egress=to_api)
    await node.eventually({**ways, ("web", "api", 8080): True})


@on_a_node
async def test_dns_stays_open_where_its_pods_are_allowed(node: Node) -> None:
    """The DNS Service leads to a server on the node itself, on another port."""
    node.nft.run(
        "table ip dns_test {\n chain pre {\n type nat hook prerouting priority -100;\n"
        f"ip daddr 10.96.0.10 tcp dport 53 dnat to {NODE}:5353\n }}\n}}\n"
    )
    server = await asyncio.start_server(lambda _, writer: writer.close(), NODE, 5353)
    await node.eventually({("web", "10.96.0.10", 53): True})
    await node.policy("deny", "web", policyTypes=["Egress"])
    await node.eventually({("web", "10.96.0.10", 53): False, ("web", NODE, 5353): False})
    dns = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    await node.policy("dns", "web", policyTypes=["Egress"], egress=[{"to": [dns], "ports": [{"port": 53}]}])
    await node.eventually({("web", "10.96.0.10", 53): True, ("web", NODE, 5353): False, ("web", "api"): False})
    server.close()
