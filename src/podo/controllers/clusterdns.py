"""Cluster DNS: every node that serves DNS is an endpoint of ``kube-system/kube-dns``, through an EndpointSlice of
its own.

A node says with the annotation ``podo.dev/dns-port`` at which port of its InternalIP its DNS server listens (UDP and
TCP).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, condition_is_true, is_deleting, name_of, owner_reference
from podo.reconcile.actions import Action, Create, Delete, Update
from podo.reconcile.declare import Key, View, controller

PORT_ANNOTATION = "podo.dev/dns-port"
NAMESPACE, SERVICE = "kube-system", "kube-dns"
MANAGED_BY = "clusterdns.podo.dev"


@controller(reconciles="Node", owns=("EndpointSlice",))
def reconcile(key: Key, view: View) -> Iterator[Action]:
    node = view.get("Node", key.name)
    if node is None or is_deleting(node):
        return  # the slice goes with its owner
    there = view.get("EndpointSlice", f"{SERVICE}-{key.name}", NAMESPACE)
    wanted = _slice_of(node)
    if wanted is None:
        if there is not None:
            yield Delete(there)
    elif there is None:
        yield Create(wanted)
    elif _content(there) != _content(wanted):
        yield Update({**wanted, "metadata": {**there["metadata"], "labels": wanted["metadata"]["labels"]}})


def _slice_of(node: Obj) -> Obj | None:
    """The node's endpoint; None where it serves no DNS or has no address yet."""
    port = annotations_of(node).get(PORT_ANNOTATION, "")
    addresses = [a["address"] for a in node.get("status", {}).get("addresses") or () if a.get("type") == "InternalIP"]
    if not port.isdigit() or not addresses:
        return None
    ready = condition_is_true(node, "Ready")
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{SERVICE}-{name_of(node)}",
            "namespace": NAMESPACE,
            "labels": {
                "kubernetes.io/service-name": SERVICE,
                "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
            },
            "ownerReferences": [owner_reference(node)],
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": addresses[:1], "conditions": {"ready": ready}, "nodeName": name_of(node)}],
        "ports": [_port("dns", "UDP", int(port)), _port("dns-tcp", "TCP", int(port))],
    }


def _port(name: str, protocol: str, port: int) -> dict[str, Any]:
    return {"name": name, "protocol": protocol, "port": port}


def _content(piece: Obj) -> tuple[Any, ...]:
    return piece["metadata"].get("labels"), piece.get("endpoints"), piece.get("ports")
