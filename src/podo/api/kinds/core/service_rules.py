"""What a Service must be like (API reference: ServiceSpec). Ranges of addresses and ports are the allocator's."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.metadata_rules import check_labels
from podo.api.parts.addresses import PROTOCOLS, check_endpoint_ip, check_ip
from podo.api.rules import Found, check_one_of, check_text, duplicate, forbidden, invalid, not_supported, required
from podo.values import names

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_AFFINITY_SECONDS_MAX = 86400
_KUBELET_PORT = 10250


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Service."""
    found: Found = []
    spec = new.get("spec") or {}
    kind = spec.get("type")
    if not spec.get("ports") and kind != "ExternalName" and spec.get("clusterIP") != "None":
        found.append(required("spec.ports"))
    _check_ports(spec, found)
    if kind == "ExternalName":
        _check_external_name(spec, found)
    else:
        _check_cluster_ips(spec, found)
    check_one_of("spec.type", kind, _TYPES, found)
    _check_affinity(spec, found)
    check_labels(spec.get("selector") or {}, "spec.selector", found)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        check_endpoint_ip(f"spec.externalIPs[{index}]", address, found)
    _check_policies(spec, found)
    _check_families(spec, found)
    if old is not None:
        _check_update(spec, old["spec"], found)
    return found


def _check_ports(spec: dict[str, Any], found: Found) -> None:
    ports = spec.get("ports") or []
    seen_names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    seen_nodes: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        _check_port(port, len(ports) > 1, path, seen_names, found)
        protocol, number, node = port.get("protocol"), port.get("port"), port.get("nodePort")
        if (protocol, number) in seen:
            found.append(duplicate(path, {"port": number, "protocol": protocol}))
        seen.add((protocol, number))
        if spec.get("type") == "LoadBalancer" and number == _KUBELET_PORT:
            why = "may not expose port 10250 externally since it is used by kubelet"
            found.append(invalid(f"{path}.port", number, why))
        if node and spec.get("type") == "ClusterIP":
            found.append(forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        if node and (protocol, node) in seen_nodes:
            found.append(duplicate(f"{path}.nodePort", node))
        seen_nodes.add((protocol, node))


def _check_port(port: dict[str, Any], must_name: bool, path: str, seen: set[str], found: Found) -> None:
    if name := port.get("name"):
        check_text(f"{path}.name", name, names.label, found)
        if name in seen:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
    elif must_name:
        found.append(required(f"{path}.name"))
    check_text(f"{path}.port", port.get("port") or 0, names.port_number, found)
    check_one_of(f"{path}.protocol", port.get("protocol"), PROTOCOLS, found)
    target = port.get("targetPort")
    if target is not None:
        validator = names.port_number if isinstance(target, int) else names.port_name
        check_text(f"{path}.targetPort", target, validator, found)


def _check_external_name(spec: dict[str, Any], found: Found) -> None:
    if spec.get("clusterIPs") or spec.get("clusterIP"):
        found.append(forbidden("spec.clusterIPs", "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    if name:
        check_text("spec.externalName", name, names.subdomain, found)
    else:
        found.append(required("spec.externalName"))


def _check_cluster_ips(spec: dict[str, Any], found: Found) -> None:
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    kind = spec.get("type")
    if len(addresses) > 2:
        found.append(invalid("spec.clusterIPs", addresses, "may only hold up to 2 values"))
    if spec.get("clusterIP") and addresses[0] != spec["clusterIP"]:
        found.append(invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`"))
    for index, address in enumerate(addresses):
        path = f"spec.clusterIPs[{index}]"
        if address != "None":
            check_ip(path, address, found)
        elif kind in ("NodePort", "LoadBalancer"):
            found.append(invalid(path, address, f"may not be set to 'None' for {kind} services"))
        elif len(addresses) > 1:
            found.append(invalid(path, address, "'None' must be the first and only value"))


def _check_affinity(spec: dict[str, Any], found: Found) -> None:
    check_one_of("spec.sessionAffinity", spec.get("sessionAffinity"), _AFFINITIES, found)
    path = "spec.sessionAffinityConfig"
    config = spec.get("sessionAffinityConfig")
    if spec.get("sessionAffinity") == "ClientIP":
        seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
        if seconds is None:
            found.append(required(f"{path}.clientIP.timeoutSeconds"))
        elif not 0 < seconds <= _AFFINITY_SECONDS_MAX:
            why = f"must be greater than 0 and less than {_AFFINITY_SECONDS_MAX}"
            found.append(invalid(f"{path}.clientIP.timeoutSeconds", seconds, why))
    elif config:
        found.append(forbidden(path, "must not be set when session affinity is None"))


def _check_policies(spec: dict[str, Any], found: Found) -> None:
    external = spec.get("externalTrafficPolicy")
    if external:
        kind = spec.get("type")
        if not (kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))):
            why = "may only be set for externally-accessible services"
            found.append(invalid("spec.externalTrafficPolicy", external, why))
        elif external not in _POLICIES:
            found.append(not_supported("spec.externalTrafficPolicy", external, _POLICIES))
    for field, supported in (("internalTrafficPolicy", _POLICIES), ("trafficDistribution", _DISTRIBUTIONS)):
        if (value := spec.get(field)) and value not in supported:
            found.append(not_supported(f"spec.{field}", value, supported))


def _check_families(spec: dict[str, Any], found: Found) -> None:
    """The cluster has IPv4 only; a headless Service without selector may say what it likes."""
    policy, families = spec.get("ipFamilyPolicy"), spec.get("ipFamilies") or ()
    if policy and policy not in _FAMILY_POLICIES:
        found.append(not_supported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES))
    is_bare = spec.get("clusterIP") == "None" and not spec.get("selector")
    if policy == "RequireDualStack" and not is_bare:
        why = "this cluster is not configured for dual-stack services"
        found.append(invalid("spec.ipFamilyPolicy", policy, why))
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in _FAMILIES:
            found.append(not_supported(path, family, _FAMILIES))
        elif family in families[:index]:
            found.append(duplicate(path, family))
        elif family != "IPv4" and not is_bare:
            found.append(invalid(path, family, "not configured on this cluster"))


def _check_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    """The first cluster IP of a Service is for life, except that it may become an ExternalName."""
    if "ExternalName" in (new.get("type"), old.get("type")):
        return
    had, has = old.get("clusterIPs") or (), new.get("clusterIPs") or ()
    if not had:
        return
    if not has:
        found.append(invalid("spec.clusterIPs[0]", list(has), "primary clusterIP can not be unset"))
    elif has[0] != had[0]:
        found.append(invalid("spec.clusterIPs[0]", list(has), "may not change once set"))
