"""How traffic comes to a Service: load balancers, traffic policies, and the status of a load balancer (API reference:
ServiceSpec, LoadBalancerStatus)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of
from podo.api.parts.addresses import check_cidr, check_ip, ip_version
from podo.api.rules import Found, check_choice, check_text, forbidden, invalid, not_supported
from podo.values import names

_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_MODES = ("Proxy", "VIP")
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_ONLY_BALANCER = "may only be used when `type` is 'LoadBalancer'"


def is_external(spec: dict[str, Any]) -> bool:
    """Is the Service reached from outside the cluster?"""
    kind = spec.get("type")
    return kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_port(spec: dict[str, Any]) -> bool:
    """Does a load balancer ask each node whether it has pods of the Service?"""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def check_traffic(service: Obj, spec: dict[str, Any], found: Found) -> None:
    is_balancer = spec.get("type") == "LoadBalancer"
    _check_ranges(service, spec, is_balancer, found)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not is_balancer:
        found.append(forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCER))
    if (balancer := spec.get("loadBalancerClass")) is not None:
        _check_class(balancer, is_balancer, found)
    _check_external(spec, found)
    for field, supported in (("internalTrafficPolicy", _POLICIES), ("trafficDistribution", _DISTRIBUTIONS)):
        check_choice(f"spec.{field}", spec.get(field), supported, found)


def _check_ranges(service: Obj, spec: dict[str, Any], is_balancer: bool, found: Found) -> None:
    """Who may come in by the load balancer: a field, or of old an annotation."""
    if ranges := spec.get("loadBalancerSourceRanges"):
        path = "spec.LoadBalancerSourceRanges"  # as upstream has it
        if not is_balancer:
            found.append(forbidden(path, _ONLY_BALANCER))
        for index, one in enumerate(ranges):
            check_cidr(f"{path}[{index}]", one.strip(), found)
    elif (text := annotations_of(service).get(_RANGES)) is not None:
        path = f"metadata.annotations[{_RANGES}]"
        if not is_balancer:
            found.append(forbidden(path, _ONLY_BALANCER))
        for one in text.split(",") if text.strip() else ():
            check_cidr(path, one.strip(), found)


def _check_class(balancer: str, is_balancer: bool, found: Found) -> None:
    if is_balancer:
        check_text("spec.loadBalancerClass", balancer, names.qualified_name, found)
    else:
        found.append(forbidden("spec.loadBalancerClass", _ONLY_BALANCER))


def _check_external(spec: dict[str, Any], found: Found) -> None:
    policy, port = spec.get("externalTrafficPolicy"), spec.get("healthCheckNodePort")
    if not is_external(spec):
        if policy:
            why = "may only be set for externally-accessible services"
            found.append(invalid("spec.externalTrafficPolicy", policy, why))
    elif policy not in _POLICIES:
        found.append(not_supported("spec.externalTrafficPolicy", policy, _POLICIES))
    if not port:
        return
    if needs_health_port(spec):
        check_text("spec.healthCheckNodePort", port, names.port_number, found)
    else:
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        found.append(invalid("spec.healthCheckNodePort", port, why))


def check_traffic_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    """Who serves a load balancer, and where it asks for health, is settled once."""
    if new.get("type") == old.get("type") == "LoadBalancer":
        balancer = new.get("loadBalancerClass")
        if balancer != old.get("loadBalancerClass"):
            found.append(invalid("spec.loadBalancerClass", balancer, "may not change once set"))
    had, has = ((spec.get("healthCheckNodePort") or 0) if needs_health_port(spec) else None for spec in (old, new))
    if None not in (had, has) and had != has:
        found.append(forbidden("spec.healthCheckNodePort", "field is immutable"))


def check_ingress(ingress: Iterable[dict[str, Any]], path: str, found: Found) -> None:
    """The addresses of a load balancer, of a Service's status."""
    for index, one in enumerate(ingress):
        where, address, mode = f"{path}[{index}]", one.get("ip"), one.get("ipMode")
        if address:
            check_ip(f"{where}.ip", address, found)
        elif mode is not None:
            found.append(forbidden(f"{where}.ipMode", "may not be specified when `ip` is not set"))
        if address:
            check_choice(f"{where}.ipMode", mode, _MODES, found)
        check_host(one.get("hostname"), f"{where}.hostname", found)


def check_host(host: str | None, path: str, found: Found) -> None:
    """The name of a load balancer, in the status of a Service or an Ingress."""
    if not host:
        return
    check_text(path, host, names.subdomain, found)
    if ip_version(host):
        found.append(invalid(path, host, "must be a DNS name, not an IP address"))
