"""Which routes a node needs to the pods of others."""

from __future__ import annotations

import ipaddress
from typing import Any

from podo.network.pods.routes import UNREACHABLE, routes_to


def node(name: str, address: str, cidr: str) -> dict[str, Any]:
    addresses = [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]
    return {"metadata": {"name": name}, "spec": {"podCIDR": cidr} if cidr else {}, "status": {"addresses": addresses}}


def test_neighbours_are_the_way_to_their_pods() -> None:
    nodes = [
        node("n1", "192.0.2.2", "10.244.0.0/24"),
        node("n2", "10.243.0.2", "10.244.1.0/24"),
        node("n3", "10.243.0.3", ""),
        node("n4", "198.51.100.4", "10.244.3.0/24"),  # on no link of ours
        node("n5", "fd00::5", "10.244.4.0/24"),
    ]
    link = ipaddress.IPv4Network("10.243.0.0/24")
    assert routes_to(nodes, "n1", [link]) == {"10.244.0.0/24": UNREACHABLE, "10.244.1.0/24": "10.243.0.2"}
    assert routes_to(nodes, "n2", [link]) == {"10.244.1.0/24": UNREACHABLE}
    assert routes_to(nodes, "n2", [link, ipaddress.IPv4Network("192.0.2.0/24")]) == {
        "10.244.0.0/24": "192.0.2.2",
        "10.244.1.0/24": UNREACHABLE,
    }
    assert "10.243.0.3" not in routes_to(nodes, "n3", [link]).values(), "it has not been told its network yet"
