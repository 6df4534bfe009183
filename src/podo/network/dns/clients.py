"""Who may ask a node's DNS server: pods, the cluster's nodes, and whoever is on this machine; others get no answer.

A question of a pod on another node comes from the pod's address, or, where its node hides it, from that node's.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from podo.api.kind import Obj
from podo.client.cache import Cache, CacheChange

#: Addresses that a decision is remembered for.
MOST_KNOWN = 4096


class Clients:
    """``networks``: the pods' (CIDRs). ``cache`` knows the nodes; without one there are no others."""

    def __init__(self, networks: Sequence[str] = (), cache: Cache | None = None) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks if network]
        self._cache = cache
        self._known: dict[str, bool] = {}

    def start(self) -> None:
        if self._cache:
            self._cache.subscribe(self._changed)

    def may_ask(self, address: str) -> bool:
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[address] = self._decide(address)
        return known

    def _changed(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        if kind == "Node":
            self._known.clear()

    def _decide(self, address: str) -> bool:
        asker = ipaddress.ip_address(address)
        if any(asker in network for network in self._networks) or is_local(address):
            return True
        nodes = self._cache.list("Node") if self._cache else []
        return any(address in addresses_of(node) for node in nodes)


def addresses_of(node: Obj) -> list[str]:
    """Where a node is, or seems to be."""
    said = (node.get("status") or {}).get("addresses") or ()
    return [each["address"] for each in said if each.get("type") in ("InternalIP", "ExternalIP")]


def is_local(address: str) -> bool:
    """Is it this machine's own? Only to such an address can a socket be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
