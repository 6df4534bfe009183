"""Service (v1): one stable address for a set of pods.

Defaults, and what a change of type takes along, are here; rules in ``service_rules``, the table in ``service_columns``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.kinds.core.service_columns import COLUMNS
from podo.api.kinds.core.service_rules import problems, status_problems
from podo.api.kinds.core.service_traffic_rules import is_external, needs_health_port
from podo.api.kinds.core.service_warnings import status_warnings, warnings
from podo.api.parts.addresses import ip_version

_AFFINITY_SECONDS = 10800
WITH_IP = ("ClusterIP", "NodePort", "LoadBalancer")
_IPS = ("clusterIP", "clusterIPs")


def _fill_in(service: Obj) -> None:
    spec = service["spec"] = service.get("spec") or {}
    kind = spec["type"] = spec.get("type") or "ClusterIP"
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec["sessionAffinityConfig"] = spec.get("sessionAffinityConfig") or {}
        client = config["clientIP"] = config.get("clientIP") or {}
        client.setdefault("timeoutSeconds", _AFFINITY_SECONDS)
    for port in spec.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
        port["targetPort"] = port.get("targetPort") or port.get("port") or 0
    if is_external(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if kind in WITH_IP and not spec.get("internalTrafficPolicy"):
        spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True


def _prepare(new: Obj, old: Obj | None) -> None:
    spec = new["spec"]
    if old is None:
        new["status"] = {"loadBalancer": {}}
    else:
        _align_ips(spec, old["spec"])
        _drop_what_the_type_lost(spec, old["spec"])
        if not _is_balancer(spec) and (new.get("status") or {}).get("loadBalancer"):
            new["status"] = {**new["status"], "loadBalancer": {}}
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    elif spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    if spec["type"] in WITH_IP:
        _fill_in_families(spec)


def _align_ips(new: dict[str, Any], old: dict[str, Any]) -> None:
    """Who changed only one of clusterIP and clusterIPs means both."""
    if new.get("clusterIP") != old.get("clusterIP") and new.get("clusterIPs") == old.get("clusterIPs"):
        new.pop("clusterIPs", None)


def _drop_what_the_type_lost(new: dict[str, Any], old: dict[str, Any]) -> None:
    """A change of type takes along what only the old type had, unless the client changed that, too."""

    def drop(needs: Callable[[dict[str, Any]], bool], *fields: str) -> None:
        if needs(old) and not needs(new):
            for field in fields:
                if new.get(field) == old.get(field):
                    new.pop(field, None)

    if _has_address(old) and not _has_address(new):
        if all(new.get(field) == old.get(field) for field in _IPS):
            drop(_has_address, *_IPS)
        drop(_has_address, "ipFamilies", "ipFamilyPolicy")
    if _has_node_ports(old) and not _has_node_ports(new) and _node_ports(new) <= _node_ports(old):
        for port in new.get("ports") or ():
            port.pop("nodePort", None)
    drop(needs_health_port, "healthCheckNodePort")
    drop(_is_balancer, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    drop(is_external, "externalTrafficPolicy")


def _has_address(spec: dict[str, Any]) -> bool:
    return spec.get("type") != "ExternalName"


def _is_balancer(spec: dict[str, Any]) -> bool:
    return spec.get("type") == "LoadBalancer"


def _has_node_ports(spec: dict[str, Any]) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _node_ports(spec: dict[str, Any]) -> set[Any]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def _fill_in_ip_modes(new: Obj, old: Obj) -> None:
    """Addresses of a load balancer are virtual unless its status says otherwise; what is shared is replaced."""
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    ingress = balancer.get("ingress") or ()
    silent = [bool(one.get("ip")) and one.get("ipMode") is None for one in ingress]
    if new["spec"].get("type") != "LoadBalancer" or not any(silent):
        return
    filled = [{**one, "ipMode": "VIP"} if fills else one for one, fills in zip(ingress, silent, strict=True)]
    new["status"] = {**new["status"], "loadBalancer": {**balancer, "ingress": filled}}


def _fill_in_families(spec: dict[str, Any]) -> None:
    """A cluster of one address family: IPv4 unless the Service says otherwise."""
    is_bare = spec.get("clusterIP") == "None" and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = "RequireDualStack" if is_bare else "SingleStack"
        if is_bare and not spec.get("ipFamilies"):
            spec["ipFamilies"] = ["IPv4", "IPv6"]
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv6" if ip_version(spec.get("clusterIP") or "") == 6 else "IPv4"]


SERVICE = Kind(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    short_names=("svc",),
    categories=("all",),
    fill_in=_fill_in,
    problems=problems,
    status_problems=status_problems,
    warnings=warnings,
    status_warnings=status_warnings,
    prepare=_prepare,
    prepare_status=_fill_in_ip_modes,
    columns=COLUMNS,
    fields={
        "spec.clusterIP": lambda service: service["spec"].get("clusterIP") or "",
        "spec.type": lambda service: service["spec"].get("type") or "",
    },
    subresources=frozenset({"status", "proxy"}),
    name_rule="label",
    created_by_update=True,
)
