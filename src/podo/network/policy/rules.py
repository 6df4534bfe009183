"""From NetworkPolicies, pods and namespaces to what one node must enforce (pure).

A pod that a policy selects is isolated in the directions of the policy: its address leads to a chain, in which each
rule of its policies that allows something returns, and the end drops. Pods for which that comes to the same rules
share a chain. Peers are sets of addresses, and equal sets are one.

Source: API reference NetworkPolicySpec. The cluster's DNS is answered by the nodes and has no pods; so that policies
written for the usual DNS pods work, it counts as a pod ``k8s-app: kube-dns`` of ``kube-system`` with port 53.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from podo.api.kind import Obj
from podo.network.policy.pods import NamedPort, PodFacts
from podo.values.selector import Selector, SelectorError, from_label_selector

Labels = Mapping[str, str]

DNS = PodFacts(
    "kube-system",
    "",
    "",
    (("k8s-app", "kube-dns"),),
    (NamedPort("dns", "UDP", 53), NamedPort("dns-tcp", "TCP", 53)),
)
_DNS_PORT = 53


class Direction(NamedTuple):
    """``side``: the field of the packet's header that holds the peer."""

    type: str
    rules: str
    peers: str
    side: str


INGRESS = Direction("Ingress", "ingress", "from", "saddr")
EGRESS = Direction("Egress", "egress", "to", "daddr")


@dataclass(slots=True)
class Enforced:
    """What the table is made of. Chain and set names are short and hold for one table only."""

    ingress: dict[str, str] = field(default_factory=dict)  # a pod's address -> its chain
    egress: dict[str, str] = field(default_factory=dict)
    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)  # nft rules, in order
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)  # addresses, sorted

    @property
    def pods(self) -> list[str]:
        """The addresses of all isolated pods."""
        return sorted({*self.ingress, *self.egress})


def compile_policies(
    policies: Iterable[Obj], pods: Sequence[PodFacts], namespaces: Mapping[str, Labels], node: str, dns_ip: str
) -> Enforced:
    """``pods``: of the whole cluster; ``namespaces``: name -> labels; ``node``: the one whose pods are protected."""
    return _Compilation(pods, namespaces, dns_ip).run(policies, node)


def types_of(policy: Obj) -> Sequence[str]:
    """The directions of a policy; as the API's defaults, where they are missing."""
    spec = policy.get("spec") or {}
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


class _Compilation:
    def __init__(self, pods: Sequence[PodFacts], namespaces: Mapping[str, Labels], dns_ip: str) -> None:
        self._pods = pods
        self._namespaces = namespaces
        self._dns_ip = dns_ip
        self._made = Enforced()
        self._sets: dict[tuple[str, ...], str] = {}
        self._chains: dict[tuple[str, tuple[str, ...]], str] = {}
        #: What was worked out already: pods with the same policies and named ports have the same chain, and a peer
        #: stands for the same pods wherever it is looked at.
        self._known: dict[tuple[str, tuple[int, ...], tuple[NamedPort, ...]], str] = {}
        self._choices: dict[tuple[Selector, Selector | str], list[PodFacts]] = {}
        self._by_namespace: dict[str, list[tuple[PodFacts, Labels]]] = {}
        for pod in (*pods, DNS):
            self._by_namespace.setdefault(pod.namespace, []).append((pod, pod.label_map))

    def run(self, policies: Iterable[Obj], node: str) -> Enforced:
        by_namespace: dict[str, list[Obj]] = {}
        for policy in sorted(policies, key=lambda p: (p["metadata"]["namespace"], p["metadata"]["name"])):
            by_namespace.setdefault(policy["metadata"]["namespace"], []).append(policy)
        for pod in sorted(pod for pod in self._pods if pod.node == node and pod.namespace in by_namespace):
            labels = pod.label_map
            selecting = [
                policy
                for policy in by_namespace[pod.namespace]
                if _selector((policy.get("spec") or {}).get("podSelector") or {}).matches(labels)
            ]
            for direction, into in ((INGRESS, self._made.ingress), (EGRESS, self._made.egress)):
                isolating = [policy for policy in selecting if direction.type in types_of(policy)]
                if isolating:
                    into[pod.ip] = self._chain(direction, isolating, pod)
        return self._made

    def _chain(self, direction: Direction, policies: list[Obj], pod: PodFacts) -> str:
        same = (direction.type, tuple(map(id, policies)), pod.ports)
        if same not in self._known:
            self._known[same] = self._new_chain(direction, policies, pod)
        return self._known[same]

    def _new_chain(self, direction: Direction, policies: list[Obj], pod: PodFacts) -> str:
        lines: dict[str, None] = {}
        for policy in policies:
            for rule in (policy.get("spec") or {}).get(direction.rules) or ():
                lines.update(dict.fromkeys(self._rule(direction, rule, policy["metadata"]["namespace"], pod)))
        key = (direction.type, tuple(lines))
        if key not in self._chains:
            self._chains[key] = f"{direction.rules[0]}_{len(self._chains) + 1}"
            self._made.chains[self._chains[key]] = (*lines, "drop")
        return self._chains[key]

    def _rule(self, direction: Direction, rule: Obj, namespace: str, pod: PodFacts) -> list[str]:
        """The nft rules of one rule of a policy: every pair of a peer and a port that it allows."""
        peers, ports = rule.get(direction.peers) or (), rule.get("ports") or ()
        found: list[str] = []
        for port in ports or (None,):
            if not peers:
                found += self._to_all(direction, port, pod)
            for peer in peers:
                found += self._to_peer(direction, peer, port, namespace, pod)
        return found

    def _to_all(self, direction: Direction, port: Obj | None, pod: PodFacts) -> list[str]:
        if port is None:
            return ["return"]
        if direction is EGRESS:
            dns = self._dns_lines(port)
            if isinstance(port.get("port"), str):
                return self._named(port, self._pods) + dns
            return [f"{_port_match(port)} return", *dns]
        number = _resolved(port, pod)
        return [] if number is None else [f"{_port_match(number)} return"]

    def _to_peer(self, direction: Direction, peer: Obj, port: Obj | None, namespace: str, pod: PodFacts) -> list[str]:
        if (block := peer.get("ipBlock")) is not None:
            return self._to_block(direction, block, port, pod)
        chosen = self._chosen(peer, namespace)
        addresses = [one for one in chosen if one is not DNS]
        dns = self._dns_lines(port) if direction is EGRESS and DNS in chosen else []
        if port is not None and direction is EGRESS and isinstance(port.get("port"), str):
            return self._named(port, addresses) + dns
        match = ""
        if port is not None:
            number = port if direction is EGRESS else _resolved(port, pod)
            if number is None:
                return []
            match = f" {_port_match(number)}"
        if not addresses:
            return dns
        return [f"ip {direction.side} @{self._set(addresses)}{match} return", *dns]

    def _to_block(self, direction: Direction, block: Obj, port: Obj | None, pod: PodFacts) -> list[str]:
        outer = _network(block.get("cidr"))
        if outer is None:
            return []
        holes = sorted(str(hole) for text in block.get("except") or () if (hole := _network(text)) is not None)
        side = f"ip {direction.side}"
        match = "" if outer.prefixlen == 0 else f"{side} {outer} "
        match += f"{side} != {{ {', '.join(holes)} }} " if holes else ""
        if port is None:
            return [f"{match}return"]
        if direction is EGRESS and isinstance(port.get("port"), str):
            inside = [one for one in self._pods if _in_block(one.ip, outer, holes)]
            return self._named(port, inside)
        number = port if direction is EGRESS else _resolved(port, pod)
        if number is None:
            return []
        dns = self._dns_lines(port) if direction is EGRESS and _in_block(self._dns_ip, outer, holes) else []
        return [f"{match}{_port_match(number)} return", *dns]

    def _named(self, port: Obj, pods: Iterable[PodFacts]) -> list[str]:
        """A port by name means another number on each pod: a set of pods for each number."""
        by_number: dict[int, list[PodFacts]] = {}
        for one in pods:
            number = one.number_of(port["port"], port.get("protocol") or "TCP")
            if number is not None:
                by_number.setdefault(number, []).append(one)
        return [
            f"ip daddr @{self._set(there)} {_port_match({**port, 'port': number})} return"
            for number, there in sorted(by_number.items())
        ]

    def _dns_lines(self, port: Obj | None) -> list[str]:
        """Where a rule allows port 53 of the DNS pods: what was sent to the DNS Service, wherever it is answered."""
        asked = f"ct original ip daddr {self._dns_ip}"
        if port is None:
            return [f"{asked} return"]
        number, protocol = port.get("port"), port.get("protocol") or "TCP"
        if isinstance(number, str):
            number = DNS.number_of(number, protocol)
            if number is None:
                return []
        covers = number is None or number <= _DNS_PORT <= (port.get("endPort") or number)
        if not covers or protocol not in ("TCP", "UDP"):
            return []
        return [f"{asked} meta l4proto {protocol.lower()} ct original proto-dst {_DNS_PORT} return"]

    def _chosen(self, peer: Obj, namespace: str) -> list[PodFacts]:
        """The pods of a peer: without a namespaceSelector, those of the policy's own namespace."""
        wanted = _selector(peer.get("podSelector") or {})
        spaces = peer.get("namespaceSelector")
        same = (wanted, namespace if spaces is None else _selector(spaces))
        if same not in self._choices:
            self._choices[same] = self._choose(*same)
        return self._choices[same]

    def _choose(self, wanted: Selector, where: Selector | str) -> list[PodFacts]:
        allowed = (
            [where]
            if isinstance(where, str)
            else [name for name, labels in self._namespaces.items() if where.matches(labels)]
        )
        return [pod for name in allowed for pod, labels in self._by_namespace.get(name, ()) if wanted.matches(labels)]

    def _set(self, pods: Iterable[PodFacts]) -> str:
        addresses = tuple(sorted({one.ip for one in pods}))
        if addresses not in self._sets:
            self._sets[addresses] = f"peers_{len(self._sets) + 1}"
            self._made.sets[self._sets[addresses]] = addresses
        return self._sets[addresses]


def _selector(selector: Obj) -> Selector:
    try:
        return from_label_selector(selector)
    except SelectorError:  # the API refuses such a policy; to select nothing would open what it closes
        return Selector()


def _resolved(port: Obj, pod: PodFacts) -> Obj | None:
    """The port as a number on a pod; None if the pod has no port of that name."""
    if not isinstance(port.get("port"), str):
        return port
    number = pod.number_of(port["port"], port.get("protocol") or "TCP")
    return None if number is None else {**port, "port": number}


def _port_match(port: Mapping[str, Any]) -> str:
    protocol = (port.get("protocol") or "TCP").lower()
    number, end = port.get("port"), port.get("endPort")
    if number is None:
        return f"meta l4proto {protocol}"
    return f"{protocol} dport {number}-{end}" if end is not None and end != number else f"{protocol} dport {number}"


def _network(text: Any) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(str(text), strict=False)
    except ValueError:
        return None  # of the other family: no packet of it passes here


def _in_block(ip: str, outer: ipaddress.IPv4Network, holes: Iterable[str]) -> bool:
    address = ipaddress.IPv4Address(ip)
    return address in outer and not any(address in ipaddress.IPv4Network(hole) for hole in holes)
