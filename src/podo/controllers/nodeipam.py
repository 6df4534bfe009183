"""Node IPAM: gives each node a part of the cluster's pod network (``spec.podCIDR``), the lowest that is free."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, uid_of
from podo.reconcile.actions import Action, Patch, Tell
from podo.reconcile.declare import Declaration, Key, View, nothing

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Parts whose text is remembered: those of the largest clusters.
MOST_REMEMBERED = 16_384
#: All nodes are looked at in one pass, so that no two get one network; no node has this key.
_ALL = Key("", "")


def _all(node: Obj, view: View) -> Iterator[Key]:
    if not (node.get("spec") or {}).get("podCIDR") or view.get("Node", name_of(node)) is None:
        yield _ALL


def nodeipam(cluster_cidr: str = "10.244.0.0/16", node_bits: int = 24) -> Declaration:
    """The controller for a pod network.

    ``node_bits``: the prefix length of a node's part. ValueError for a bad network.
    """
    network = ipaddress.ip_network(cluster_cidr)
    if node_bits < network.prefixlen:
        raise ValueError(f"a node's part /{node_bits} is larger than the pod network {cluster_cidr}")

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        if key == _ALL:
            yield from _assign(view.list("Node"), network, node_bits)

    return Declaration("nodeipam", "Node", reconcile, watches={"Node": _all}, workers=1, minds=nothing)


@lru_cache(maxsize=MOST_REMEMBERED)
def _part(network: Network, bits: int, number: int) -> str:
    """The ``number``-th part of a network, as a Node has it. Clusters of thousands of nodes ask for it often."""
    first = int(network.network_address) + (number << (network.max_prefixlen - bits))
    return f"{type(network.network_address)(first)}/{bits}"


def _assign(nodes: list[Obj], network: Network, bits: int) -> Iterator[Action]:
    waiting = [node for node in nodes if not (node.get("spec") or {}).get("podCIDR") and not is_deleting(node)]
    if not waiting:
        return
    taken = {(node.get("spec") or {}).get("podCIDR") for node in nodes}
    parts = (_part(network, bits, number) for number in range(1 << (bits - network.prefixlen)))
    free = (part for part in parts if part not in taken)
    for node in sorted(waiting, key=lambda node: (node["metadata"].get("creationTimestamp") or "", name_of(node))):
        part = next(free, None)
        if part is None:
            yield Tell(node, "CIDRNotAvailable", f"Node {name_of(node)} status is now: CIDRNotAvailable")
            continue
        spec = {"podCIDR": part, "podCIDRs": [part]}
        yield Patch(node, {"metadata": {"uid": uid_of(node)}, "spec": spec})
