"""NetworkPolicy (networking.k8s.io/v1): who may talk to the selected pods, and to whom they may.

Enforced on each node by ``podo.network.policy``.
"""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, selector_text
from podo.api.kind import Kind, Obj
from podo.api.parts.addresses import check_cidr, cidr_warnings
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import Found, check_text, forbidden, invalid, not_supported, required
from podo.values import names, net

_TYPES = ("Ingress", "Egress")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
#: The list of rules for each direction, and the field of a rule that holds its peers.
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def _fill_in(policy: Obj) -> None:
    spec = policy["spec"] = policy.get("spec") or {}
    spec["podSelector"] = spec.get("podSelector") or {}
    for direction, _ in _DIRECTIONS:
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                port["protocol"] = port.get("protocol") or "TCP"
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_label_selector(spec.get("podSelector") or {}, "spec.podSelector", found)
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                _check_port(port, f"{path}.ports[{number}]", found)
            for number, peer in enumerate(rule.get(peers) or ()):
                _check_peer(peer, f"{path}.{peers}[{number}]", found)
    types = spec.get("policyTypes") or []
    if len(types) > len(_TYPES):
        found.append(invalid("spec.policyTypes", types, "may not specify more than two policyTypes"))
        return found
    for index, kind in enumerate(types):
        if kind not in _TYPES:
            found.append(not_supported(f"spec.policyTypes[{index}]", kind, _TYPES))
    return found


def _check_port(port: dict[str, Any], path: str, found: Found) -> None:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol not in _PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", protocol or "", _PROTOCOLS))
    if number is None:
        if end is not None:
            found.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified"))
    elif isinstance(number, str):
        if end is not None:
            found.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
        check_text(f"{path}.port", number, names.port_name, found)
    else:
        check_text(f"{path}.port", number, names.port_number, found)
        if end is not None:
            if end < number:
                found.append(invalid(f"{path}.endPort", end, "must be greater than or equal to `port`"))
            check_text(f"{path}.endPort", end, names.port_number, found)


def _check_peer(peer: dict[str, Any], path: str, found: Found) -> None:
    given = [field for field in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(field) is not None]
    for field in given:
        if field == "ipBlock":
            _check_block(peer[field], f"{path}.ipBlock", found)
        else:
            check_label_selector(peer[field], f"{path}.{field}", found)
    if not given:
        found.append(required(path, "must specify a peer"))
    elif len(given) > 1 and "ipBlock" in given:
        found.append(forbidden(path, "may not specify both ipBlock and another peer"))


def _check_block(block: dict[str, Any], path: str, found: Found) -> None:
    cidr = block.get("cidr") or ""
    if not cidr:
        found.append(required(f"{path}.cidr"))
        return
    before = len(found)
    check_cidr(f"{path}.cidr", cidr, found)
    if len(found) > before:
        return
    outer = net.network(cidr)
    for index, text in enumerate(block.get("except") or ()):
        where = f"{path}.except[{index}]"
        before = len(found)
        check_cidr(where, text, found)
        if len(found) == before:
            inner = net.network(text)
            if inner.version != outer.version or inner == outer or not _within(inner, outer):
                found.append(invalid(where, text, "must be a strict subset of `cidr`"))


def _within(inner: net.Network, outer: net.Network) -> bool:
    return outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    found: list[str] = []
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate((new.get("spec") or {}).get(direction) or ()):
            for number, peer in enumerate(rule.get(peers) or ()):
                block = peer.get("ipBlock") or {}
                path = f"spec.{direction}[{index}].{peers}[{number}].ipBlock"
                found += cidr_warnings(f"{path}.cidr", block.get("cidr") or "")
                for at, cidr in enumerate(block.get("except") or ()):
                    found += cidr_warnings(f"{path}.except[{at}]", cidr)
    return found


NETWORKPOLICY = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    singular="networkpolicy",
    short_names=("netpol",),
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("Pod-Selector", lambda policy: selector_text((policy.get("spec") or {}).get("podSelector")) or "<none>"),
        AGE,
    ),
    generation=True,
)
