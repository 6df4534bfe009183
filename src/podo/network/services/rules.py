"""From a Service and its EndpointSlices, and from a pod's host ports, to the elements of the nftables maps (pure).

A Service is only data: one element that sends its address to a small shared chain, and one element an endpoint. The
chain is named after what it does (``c_tcp_3``: a cluster address, TCP, three endpoints) and serves all of that shape,
so that one
more Service costs the kernel a few elements and no rule. See ``table.py`` for the maps and chains.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from podo.api.kind import Obj
from podo.api.parts import hostports

#: SCTP needs a kernel module that few machines have: its ports are left out.
PROTOCOLS = ("TCP", "UDP")


#: Shapes of chains in which a client always meets the same endpoint.
_STICKY = frozenset(("h", "o", "m"))


class Element(NamedTuple):
    """One element of a map, as nft text: ``map``, its key, and what it maps to ("" for a set)."""

    map: str
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    ip: str
    port: int
    local: bool  # on this node
    for_nodes: frozenset[str] = frozenset()  # hints of its slice: whose traffic should rather come here
    for_zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """``name``: this node; decides which endpoints are local. ``zone``: "" where it has none."""

    name: str
    zone: str = ""


def ranges_of(cidrs: Iterable[str]) -> frozenset[Element]:
    """The ranges of cluster IPs (of IPv4) as a set without overlaps, which nftables would refuse."""
    networks = (ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)
    inside = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    return frozenset(Element("service_cidr", str(network)) for network in ipaddress.collapse_addresses(inside))


def elements_of(service: Obj, slices: Sequence[Obj], node: NodeFacts) -> frozenset[Element]:
    """Every element that this Service needs on this node. Headless and ExternalName Services need none."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") in (None, "", "None"):
        return frozenset()
    found: set[Element] = set()
    for port in spec.get("ports") or ():
        if port.get("protocol", "TCP") in PROTOCOLS:
            found |= _port_elements(service, port, endpoints_of(slices, port.get("name", ""), node), node)
    return frozenset(found)


def endpoints_of(slices: Iterable[Obj], port_name: str, node: NodeFacts) -> list[Endpoint]:
    """The endpoints that get traffic for a port: the ready ones; without any, those ending but serving (KEP-1669)."""
    ready: dict[Endpoint, None] = {}
    ending: dict[Endpoint, None] = {}
    for piece in slices:
        numbers = [p["port"] for p in piece.get("ports") or () if (p.get("name") or "") == port_name and p.get("port")]
        if piece.get("addressType", "IPv4") != "IPv4":
            continue
        for endpoint in piece.get("endpoints") or ():
            into = _class_of(endpoint.get("conditions") or {}, ready, ending)
            if into is not None:
                local = endpoint.get("nodeName") == node.name
                hints = endpoint.get("hints") or {}
                hinted = (_names(hints.get("forNodes")), _names(hints.get("forZones")))
                for number in numbers:
                    into[Endpoint(endpoint["addresses"][0], number, local, *hinted)] = None
    return sorted(ready or ending, key=lambda e: (e.ip, e.port))


def _names(hints: Iterable[Mapping[str, str]] | None) -> frozenset[str]:
    return frozenset(hint["name"] for hint in hints or ())


def _class_of(
    conditions: Mapping[str, Any], ready: dict[Endpoint, None], ending: dict[Endpoint, None]
) -> dict[Endpoint, None] | None:
    if conditions.get("ready") is not False:  # unknown counts as ready
        return ready
    if conditions.get("terminating") and conditions.get("serving"):
        return ending
    return None


def _port_elements(service: Obj, port: Obj, endpoints: list[Endpoint], node: NodeFacts) -> set[Element]:
    spec = service["spec"]
    protocol = port.get("protocol", "TCP").lower()
    inside = _by_policy(endpoints, spec.get("internalTrafficPolicy"), node)
    sticky = spec.get("sessionAffinity") == "ClientIP"
    found: set[Element] = set()
    for address in _addresses(spec, service.get("status") or {}):
        found |= _address_elements(address, port["port"], protocol, inside, sticky=sticky)
    if port.get("nodePort"):
        outside = _by_policy(endpoints, spec.get("externalTrafficPolicy"), node)
        if endpoints:
            found |= _node_port_elements(spec, port["nodePort"], protocol, outside, sticky=sticky)
    found |= {Element("hairpin", f"{e.ip} . {e.ip}") for e in endpoints if e.local}
    return found


def _by_policy(endpoints: list[Endpoint], policy: str | None, node: NodeFacts) -> list[Endpoint]:
    return [e for e in endpoints if e.local] if policy == "Local" else closest(endpoints, node)


def closest(endpoints: list[Endpoint], node: NodeFacts) -> list[Endpoint]:
    """Those hinted for this node, else those for its zone; all where some have no such hint, or none is for it
    (KEP-3015)."""
    for hinted in (
        [e for e in endpoints if node.name in e.for_nodes] if all(e.for_nodes for e in endpoints) else [],
        [e for e in endpoints if node.zone in e.for_zones] if all(e.for_zones for e in endpoints) else [],
    ):
        if hinted:
            return hinted
    return endpoints


def _addresses(spec: Mapping[str, Any], status: Mapping[str, Any]) -> list[str]:
    ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
    found = [spec["clusterIP"], *(spec.get("externalIPs") or ()), *(i["ip"] for i in ingress if i.get("ip"))]
    return [address for address in dict.fromkeys(found) if ":" not in address]


def _address_elements(
    address: str, port: int, protocol: str, endpoints: list[Endpoint], *, sticky: bool
) -> set[Element]:
    if not endpoints:
        return set()  # the filter chains reject what still goes to a Service address
    chain = chain_name("h" if sticky else "c", protocol, len(endpoints))
    found = {Element("svc", f"{address} . {protocol} . {port}", f"goto {chain}")}
    for number, endpoint in enumerate(endpoints):
        found.add(Element(f"ep_{protocol}", f"{address} . {port} . {number}", f"{endpoint.ip} . {endpoint.port}"))
    return found


def _node_port_elements(
    spec: Mapping[str, Any], port: int, protocol: str, chosen: list[Endpoint], *, sticky: bool
) -> set[Element]:
    local = spec.get("externalTrafficPolicy") == "Local"
    if not chosen:
        return {Element("nodeport", f"{protocol} . {port}", "drop")}
    chain = chain_name(("m" if sticky else "l") if local else ("o" if sticky else "n"), protocol, len(chosen))
    found = {Element("nodeport", f"{protocol} . {port}", f"goto {chain}")}
    for number, endpoint in enumerate(chosen):
        found.add(Element(f"np_{protocol}", f"{port} . {number}", f"{endpoint.ip} . {endpoint.port}"))
    return found


def chain_name(shape: str, protocol: str, count: int) -> str:
    """``c_tcp_3``. Shapes: c cluster address, n node port, l node port that keeps the client's address; h, o and m the
    same with client affinity."""
    return f"{shape}_{protocol}_{count}"


def chain_body(name: str) -> str:
    """The rules of a shared chain, from its name."""
    shape, protocol, count = name.split("_")
    pick = f"jhash ip saddr mod {count}" if shape in _STICKY else f"numgen random mod {count}"
    if shape in ("c", "h"):
        send = f"dnat ip to ip daddr . {protocol} dport . {pick} map @ep_{protocol}"
        return f"ip saddr != @cluster_cidr jump mark_masq; {send};"
    send = f"dnat ip to {protocol} dport . {pick} map @np_{protocol}"
    return f"{send};" if shape in ("l", "m") else f"jump mark_masq; {send};"


def chains_in(elements: Iterable[Element]) -> set[str]:
    """The shared chains that these elements go to."""
    return {e.value.removeprefix("goto ") for e in elements if e.value.startswith("goto ")}


def host_ports_of(pod: Obj) -> frozenset[Element]:
    """The elements that lead a node's ports to a running pod of it (``containerPort.hostPort``)."""
    ip = (pod.get("status") or {}).get("podIP")
    if not ip or pod["spec"].get("hostNetwork") or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return frozenset()
    return frozenset(
        Element(
            "hostport", f"{port.get('protocol', 'TCP').lower()} . {port['hostPort']}", f"{ip} . {port['containerPort']}"
        )
        for port in hostports.declared(pod["spec"])
        if port.get("protocol", "TCP") in PROTOCOLS
    )
