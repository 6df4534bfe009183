"""The process of ``podo node``: the agent over containerd, the kubelet's port, Services and DNS of one node."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from podo.api.errors import ApiError
from podo.client.cache import Cache
from podo.client.contract import Client, Unreachable
from podo.client.http import HttpClient
from podo.client.reflector import Source
from podo.cluster import fabric, realnode
from podo.cluster.component import say_ready
from podo.cluster.config import Config
from podo.cluster.reloading import Reloading
from podo.cluster.stopping import stop_signal
from podo.http.tls import client_context, server_context
from podo.network.dns.clients import Clients
from podo.network.dns.forward import Forwarder, system_resolvers
from podo.network.dns.server import DnsServer
from podo.network.pods.routes import PodRoutes
from podo.network.policy.enforcer import PEER_KINDS, PolicyEnforcer
from podo.network.services.nftables import Nftables
from podo.network.services.proxy import ServiceProxy
from podo.network.services.rules import NodeFacts
from podo.network.services.table import TableFacts
from podo.network.services.withdrawal import Withdrawal
from podo.node import cni, containerd
from podo.node.agent import NodeAgent
from podo.node.authorizing import Delegated
from podo.node.config import NodeConfig
from podo.node.podaccess import AgentPods
from podo.node.runtimes.cri import CriRuntime
from podo.node.server import KubeletServer
from podo.runtime import garbage, log, loop
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock, SystemClock
from podo.runtime.tasks import sleep

logger = log.Logger("podo.node")

#: The Node's annotation that tells the control plane where its DNS server listens (controllers/clusterdns.py).
DNS_ANNOTATION = "podo.dev/dns-port"
RETRY_SECONDS = 0.2
#: Less than the supervisor's patience, so that the log says what was waited for.
CONTAINERD_SECONDS = 20.0


def serve(config: Config, name: str) -> None:
    """Until SIGTERM; containers and Services stay as they are."""
    log.configure()
    loop.run(_serve(config, name, SystemClock(), Chance()))


async def _serve(config: Config, name: str, clock: Clock, chance: Chance) -> None:
    stop = stop_signal()
    reloading = Reloading()
    client = _client(config, f"kubelet-{name}", reloading)
    _waits_for("containerd")
    runtime = await containerd.ready(realnode.containerd_directory(config, name), clock, CONTAINERD_SECONDS)
    await _ensure_pause_image(config, name, runtime)
    proxy = _client(config, f"kube-proxy-{name}", reloading)
    network = NodeNetwork(config, name, client, proxy, clock, chance)
    told = partial(_set_pod_cidr, config, name)
    facts = node_config(config, name)
    agent = NodeAgent(facts, client, runtime, clock, chance, on_pod_cidr=told, withdrawn=network.withdrawal.of)
    _waits_for(f"the API server at {config.node_server_url}, to register")
    await agent.start()
    serving = KubeletServer(AgentPods(agent), runtime, clock, Delegated(client, name, clock))
    kubelet = await _listen(config, name, serving, reloading)
    reloading.start()
    await network.start()
    garbage.settle()
    say_ready()
    logger.info("ready", node=name)
    await stop.wait()
    await reloading.stop()
    await kubelet.stop()
    await agent.stop()
    await network.stop()
    await runtime.stop()
    client.close()
    proxy.close()


def _waits_for(what: str) -> None:
    """The last of these in the log is where a start hangs."""
    logger.info("starting", waits_for=what)


def node_config(config: Config, name: str) -> NodeConfig:
    return NodeConfig(
        name=name,
        internal_ip=config.node_address(name),
        data_dir=realnode.directory(config, name),
        cluster_dns=(config.dns_ip,),
        cluster_domain=config.cluster_domain,
        kubelet_port=config.kubelet_port,
        cgroup=realnode.cgroup(config, name),
        manifests=config.manifests(name),
    )


def _client(config: Config, identity: str, reloading: Reloading) -> HttpClient:
    pki = config.layout.pki
    certificate, key = pki / f"{identity}.crt", pki / f"{identity}.key"
    tls = client_context(ca=pki / "ca.crt", certificate=certificate, key=key)
    reloading.watch(certificate, key, lambda: [tls])
    return HttpClient(config.node_server_url, tls=tls, agent="kubelet")


async def _ensure_pause_image(config: Config, name: str, runtime: CriRuntime) -> None:
    if await runtime.find_image(containerd.SANDBOX_IMAGE) is None:
        _waits_for(f"ctr to import {realnode.PAUSE_ARCHIVE}")
        await runtime.load_image(realnode.directory(config, name) / realnode.PAUSE_ARCHIVE)


async def _set_pod_cidr(config: Config, name: str, pod_cidr: str) -> None:
    """The node has been told its pod network: containerd takes the configuration as soon as it is there."""
    paths = containerd.Paths(realnode.containerd_directory(config, name))
    await asyncio.to_thread(cni.write_conflist, paths.cni_configs, pod_cidr, paths.cni_data)


async def _listen(config: Config, name: str, server: KubeletServer, reloading: Reloading) -> KubeletServer:
    pki = config.layout.pki
    certificate, key = pki / f"kubelet-{name}.crt", pki / f"kubelet-{name}.key"
    tls = server_context(certificate, key, client_ca=pki / "ca.crt")
    reloading.watch(certificate, key, lambda: [tls])
    await server.start(config.node_address(name), config.kubelet_port, tls)
    return server


class NodeNetwork:
    """Services, policies, DNS and routes of the node, over one cache. ``kubelet`` writes the node, ``proxy`` reads the
    rest: a kubelet may not see other nodes."""

    def __init__(self, config: Config, name: str, kubelet: Client, proxy: Client, clock: Clock, chance: Chance) -> None:
        self._client, self._name = kubelet, name
        pods = Source("Pod", fields=f"spec.nodeName={name}")
        kinds = ("Service", "ServiceCIDR", "EndpointSlice", "NetworkPolicy", "Node", pods)
        self._cache = Cache(proxy, kinds, clock=clock, chance=chance)
        address = config.node_address(name)
        behind = () if fabric.is_apart(config, name) else (config.node_cidr,)
        facts = TableFacts(realnode.nft_table(config), config.pod_cidr, config.service_cidr, (address,), behind)
        self._routes = PodRoutes(self._cache, name, config.pod_cidr)
        self._nftables = Nftables()
        self._proxy = ServiceProxy(self._cache, NodeFacts(name), facts, self._nftables)
        peers = Cache(proxy, PEER_KINDS, clock=clock, chance=chance)
        self.withdrawal = Withdrawal(self._cache, self._proxy.settled)
        self._policy_rules = Nftables()
        policy_table = realnode.policy_table(config)
        self._policies = PolicyEnforcer(self._cache, peers, name, config.dns_ip, policy_table, self._policy_rules)
        askers = Clients((config.pod_cidr, config.node_cidr), self._cache)
        self._dns = DnsServer(self._cache, config.cluster_domain, address, Forwarder(system_resolvers()), askers)

    async def start(self) -> None:
        await asyncio.to_thread(_forward_packets)
        await self._cache.start()
        _waits_for("Services, policies and nodes from the API")
        await self._cache.wait_synced()
        await self._dns.start()
        await self._policies.start()
        await self._proxy.start()
        self.withdrawal.start()
        await self._routes.start()
        _waits_for("the API to take the DNS port")
        await self._tell_dns_port()

    async def _tell_dns_port(self) -> None:
        patch = {"metadata": {"annotations": {DNS_ANNOTATION: str(self._dns.port)}}}
        while True:  # the API server may be restarting; the supervisor's deadline bounds it
            try:
                await self._client.patch("Node", self._name, patch=patch)
                return
            except (ApiError, Unreachable) as failure:
                logger.warning("cannot say where DNS is, trying again", why=str(failure))
                await sleep(RETRY_SECONDS)

    async def stop(self) -> None:
        await self._routes.stop()
        self.withdrawal.stop()
        await self._proxy.stop()
        await self._policies.stop()
        await self._dns.stop()
        await self._cache.stop()
        self._nftables.close()
        self._policy_rules.close()


def _forward_packets() -> None:
    """Pods are other hosts behind this one: the kernel must route between them."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
