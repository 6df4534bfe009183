"""Service (v1): one stable address for a set of pods.

Defaults are here, rules in ``service_rules``, the table in ``service_columns``.
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.kinds.core.service_columns import COLUMNS
from podo.api.kinds.core.service_rules import problems
from podo.api.kinds.core.service_warnings import status_warnings, warnings
from podo.api.parts.addresses import ip_version

_AFFINITY_SECONDS = 10800
WITH_IP = ("ClusterIP", "NodePort", "LoadBalancer")
_IP_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")


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


def is_external(spec: dict[str, Any]) -> bool:
    """Is the Service reached from outside the cluster?"""
    kind = spec.get("type")
    return kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_node_ports(spec: dict[str, Any]) -> bool:
    """Must each port have a node port? (The allocator of the API server gives them out.)"""
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def _prepare(new: Obj, old: Obj | None) -> None:
    spec = new["spec"]
    if old is None:
        new["status"] = {"loadBalancer": {}}
    else:
        _align_ips(spec, old["spec"])
        _keep_allocated(spec, old["spec"])
        _drop_what_the_type_lost(spec, old["spec"])
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


def _keep_allocated(new: dict[str, Any], old: dict[str, Any]) -> None:
    """What an update leaves out of the addresses and node ports it was given, it keeps."""
    if new["type"] in WITH_IP and old["type"] in WITH_IP:
        if not new.get("clusterIP") and old.get("clusterIP"):
            new["clusterIP"] = old["clusterIP"]
        if not new.get("clusterIPs") and new.get("clusterIP") == old.get("clusterIP") and old.get("clusterIPs"):
            new["clusterIPs"] = list(old["clusterIPs"])
    if needs_node_ports(new) and needs_node_ports(old):
        _keep_node_ports(new, old)
    if _needs_health_port(new) and _needs_health_port(old) and not new.get("healthCheckNodePort"):
        new["healthCheckNodePort"] = old.get("healthCheckNodePort") or 0


def _keep_node_ports(new: dict[str, Any], old: dict[str, Any]) -> None:
    had = {port.get("name") or "": port.get("nodePort") for port in old.get("ports") or ()}
    taken = {port["nodePort"] for port in new.get("ports") or () if port.get("nodePort")}
    for port in new.get("ports") or ():
        kept = had.get(port.get("name") or "")
        if not port.get("nodePort") and kept and kept not in taken:
            port["nodePort"] = kept
            taken.add(kept)


def _needs_health_port(spec: dict[str, Any]) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _drop_what_the_type_lost(new: dict[str, Any], old: dict[str, Any]) -> None:
    """A change of type takes along what only the old type had, unless the client changed that, too."""
    if old["type"] in WITH_IP and new["type"] not in WITH_IP and new.get("clusterIP") == old.get("clusterIP"):
        for field in _IP_FIELDS:
            new.pop(field, None)
    if needs_node_ports(old) and not needs_node_ports(new) and _node_ports(new) <= _node_ports(old):
        for port in new.get("ports") or ():
            port.pop("nodePort", None)
    if is_external(old) and not is_external(new):
        new.pop("externalTrafficPolicy", None)
    if _needs_health_port(old) and not _needs_health_port(new):
        new.pop("healthCheckNodePort", None)
    if old["type"] == "LoadBalancer" and new["type"] != "LoadBalancer":
        new.pop("allocateLoadBalancerNodePorts", None)


def _node_ports(spec: dict[str, Any]) -> set[Any]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


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
    warnings=warnings,
    status_warnings=status_warnings,
    prepare=_prepare,
    columns=COLUMNS,
    fields={
        "spec.clusterIP": lambda service: service["spec"].get("clusterIP") or "",
        "spec.type": lambda service: service["spec"].get("type") or "",
    },
    subresources=frozenset({"status", "proxy"}),
    name_rule="label1035",
)
