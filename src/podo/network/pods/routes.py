"""Routes to the pod networks of the other nodes, for nodes that share a link.

A node whose InternalIP is on a link of this machine is the way to its podCIDR; what is further away is left to the
machine's own routing table. What is sent to a pod of this node that is not there is refused: it must not follow the
default route out of the cluster.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence

from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.client.cache import Cache, CacheChange
from podo.network.syncing import Syncing
from podo.runtime.log import Logger
from podo.runtime.programs import run_program

log = Logger("podo.network.routes")

#: The kinds that the cache must have.
KINDS = ("Node",)
#: Marks podo's routes in the kernel's table (rtnetlink's protocol field; a number that no routing daemon has).
PROTOCOL = "110"
SECONDS = 5.0

#: CIDR -> the next hop, or UNREACHABLE.
Routes = dict[str, str]
UNREACHABLE = ""


def routes_to(nodes: Iterable[Obj], own_name: str, links: Sequence[ipaddress.IPv4Network]) -> Routes:
    """The routes that this node needs (pure). ``links``: the networks that it is directly on. A pod of its own has a
    route of its own, which goes before that of the podCIDR."""
    found: Routes = {}
    for node in nodes:
        cidr, address = node.get("spec", {}).get("podCIDR"), _address(node)
        if not cidr:
            continue
        if name_of(node) == own_name:
            found[cidr] = UNREACHABLE
        elif address is not None and any(address in link for link in links):
            found[cidr] = str(address)
    return found


def _address(node: Obj) -> ipaddress.IPv4Address | None:
    for entry in node.get("status", {}).get("addresses") or ():
        if entry.get("type") == "InternalIP":
            try:
                return ipaddress.IPv4Address(entry["address"])
            except ValueError:
                return None
    return None


class PodRoutes:
    """Keeps the kernel's routes as ``routes_to`` wants them. They stay when podo stops: what runs stays reachable."""

    def __init__(self, cache: Cache, own_name: str, cluster_cidr: str) -> None:
        self._cache = cache
        self._own_name = own_name
        self._cluster_cidr = cluster_cidr
        self._unsubscribe = lambda: None
        self._syncing = Syncing("routes", self._sync)

    async def start(self) -> None:
        """The cache must be synced."""
        self._unsubscribe = self._cache.subscribe(self._note)
        self._syncing.start()

    async def stop(self) -> None:
        self._unsubscribe()
        await self._syncing.stop()

    def _note(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        if kind == "Node" and any(_matters(change) for change in changes):
            self._syncing.wake()

    async def _sync(self) -> None:
        links = _links(json.loads(await _ip("-json", "-4", "address") or "[]"))
        wanted = routes_to(self._cache.list("Node"), self._own_name, links)
        there = await _present(self._cluster_cidr)
        for cidr in there.keys() - wanted.keys():
            await _ip("route", "delete", *_route(cidr, there[cidr]))
        for cidr, via in wanted.items():
            if there.get(cidr) != via:
                await _ip("route", "replace", *_route(cidr, via))
                log.info("route", to=cidr, via=via or "nowhere")


def _matters(change: CacheChange) -> bool:
    """Did a node come, go, or change its network or address? (Its conditions change often and matter not.)"""
    if change.old is None or change.new is None:
        return True
    return change.old.get("spec") != change.new.get("spec") or _address(change.old) != _address(change.new)


def _links(addresses: Iterable[Mapping[str, object]]) -> list[ipaddress.IPv4Network]:
    """The networks of this machine's interfaces, from ``ip -json address``."""
    found = []
    for interface in addresses:
        for entry in interface.get("addr_info") or ():  # type: ignore[attr-defined]
            network = ipaddress.IPv4Network(f"{entry['local']}/{entry['prefixlen']}", strict=False)
            if network.prefixlen < 32 and not network.is_loopback:
                found.append(network)
    return found


async def remove(cluster_cidr: str) -> None:
    """Take away the routes of a cluster's pod networks. Raises OSError."""
    for cidr, via in (await _present(cluster_cidr)).items():
        await _ip("route", "delete", *_route(cidr, via))


async def _present(cluster_cidr: str) -> Routes:
    """podo's routes of one cluster: another one on this machine has another range."""
    shown = json.loads(await _ip("-json", "-4", "route", "show", "proto", PROTOCOL, "root", cluster_cidr) or "[]")
    return {route["dst"]: route.get("gateway", UNREACHABLE) for route in shown}


def _route(cidr: str, via: str) -> tuple[str, ...]:
    """A route as ``ip`` takes it."""
    if via == UNREACHABLE:
        return ("unreachable", cidr, "proto", PROTOCOL)
    return (cidr, "via", via, "proto", PROTOCOL)


async def _ip(*arguments: str) -> str:
    """What ``ip`` printed. OSError with its words if it failed, TimeoutError if it did not end."""
    ended = await run_program(SECONDS, "ip", *arguments)
    if ended.code:
        raise OSError(ended.errors.strip())
    return ended.output
