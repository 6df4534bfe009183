"""What a Service must be like (API reference: ServiceSpec): its type, ports, affinity and selector.

Its addresses are in ``service_address_rules``, what brings traffic from outside in ``service_traffic_rules``. Ranges of
addresses and ports are the allocator's.
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.core.service_address_rules import (
    check_addresses,
    check_addresses_update,
    check_configured,
    is_headless,
)
from podo.api.kinds.core.service_traffic_rules import check_ingress, check_traffic, check_traffic_update
from podo.api.meta import annotations_of
from podo.api.metadata_rules import check_labels
from podo.api.parts import topologymode
from podo.api.parts.addresses import PROTOCOLS, check_endpoint_ip
from podo.api.rules import Found, check_one_of, check_text, check_unique, duplicate, forbidden, invalid, required
from podo.values import names

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_AFFINITY_SECONDS_MAX = 86400


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Service."""
    found: Found = []
    spec = new.get("spec") or {}
    if old is not None:
        check_addresses_update(spec, old["spec"], found)
        check_traffic_update(spec, old["spec"], found)
    if annotations := annotations_of(new):
        _check_annotations(annotations, found)
    if not spec.get("ports") and spec.get("type") != "ExternalName" and not is_headless(spec):
        found.append(required("spec.ports"))
    _check_type(spec, found)
    _check_ports(spec, found)
    check_labels(spec.get("selector") or {}, "spec.selector", found)
    _check_affinity(spec, found)
    check_addresses(spec, found)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        check_endpoint_ip(f"spec.externalIPs[{index}]", address, found)
    check_one_of("spec.type", spec.get("type"), _TYPES, found)
    _check_doubles(spec, found)
    check_traffic(new, spec, found)
    check_configured(spec, found)
    return found


def status_problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with the status of a Service."""
    found: Found = []
    ingress = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    if ingress and new["spec"].get("type") != "LoadBalancer":
        why = "may only be used when `spec.type` is 'LoadBalancer'"
        found.append(forbidden("status.loadBalancer.ingress", why))
    else:
        check_ingress(ingress, "status.loadBalancer.ingress", found)
    return found


def _check_annotations(annotations: dict[str, str], found: Found) -> None:
    hints, mode = annotations.get(topologymode.FORMER), annotations.get(topologymode.MODE)
    if hints is not None and mode is not None and hints != mode:
        why = f"must match annotations[{topologymode.FORMER}] when both are specified"
        found.append(invalid(f"metadata.annotations[{topologymode.MODE}]", mode, why))


def _check_type(spec: dict[str, Any], found: Found) -> None:
    kind = spec.get("type")
    if kind == "ExternalName":
        _check_external_name(spec, found)
    elif kind in ("NodePort", "LoadBalancer") and is_headless(spec):
        found.append(invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services"))


def _check_external_name(spec: dict[str, Any], found: Found) -> None:
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            found.append(forbidden(f"spec.{field}", "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    if name:
        check_text("spec.externalName", name, names.subdomain, found)
    else:
        found.append(required("spec.externalName"))


def _check_ports(spec: dict[str, Any], found: Found) -> None:
    ports = spec.get("ports") or ()
    seen: set[str] = set()
    for index, port in enumerate(ports):
        _check_port(port, len(ports) > 1, f"spec.ports[{index}]", seen, found)


def _check_port(port: dict[str, Any], must_name: bool, path: str, seen: set[str], found: Found) -> None:
    if name := port.get("name"):
        check_text(f"{path}.name", name, names.label, found)
        check_unique(f"{path}.name", name, seen, found)
    elif must_name:
        found.append(required(f"{path}.name"))
    check_text(f"{path}.port", port.get("port") or 0, names.port_number, found)
    check_one_of(f"{path}.protocol", port.get("protocol"), PROTOCOLS, found)
    target = port.get("targetPort")
    if target is not None:
        validator = names.port_number if isinstance(target, int) else names.port_name
        check_text(f"{path}.targetPort", target, validator, found)
    if (protocol := port.get("appProtocol")) is not None:
        check_text(f"{path}.appProtocol", protocol, names.qualified_name, found)


def _check_affinity(spec: dict[str, Any], found: Found) -> None:
    check_one_of("spec.sessionAffinity", spec.get("sessionAffinity"), _AFFINITIES, found)
    path = "spec.sessionAffinityConfig"
    config = spec.get("sessionAffinityConfig")
    if spec.get("sessionAffinity") == "ClientIP":
        seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
        if seconds is None:
            found.append(required(f"{path}.clientIP.timeoutSeconds", "when session affinity type is ClientIP"))
        elif not 0 < seconds <= _AFFINITY_SECONDS_MAX:
            why = f"must be greater than 0 and less than {_AFFINITY_SECONDS_MAX}"
            found.append(invalid(f"{path}.clientIP.timeoutSeconds", seconds, why))
    elif spec.get("sessionAffinity") == "None" and config:
        found.append(forbidden(path, "must not be set when session affinity is None"))


def _check_doubles(spec: dict[str, Any], found: Found) -> None:
    """Node ports where there are none, and ports that are there twice."""
    ports = spec.get("ports") or ()
    if spec.get("type") == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                why = "may not be used when `type` is 'ClusterIP'"
                found.append(forbidden(f"spec.ports[{index}].nodePort", why))
    if len(ports) < 2:
        return
    nodes: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        protocol, node = port.get("protocol"), port.get("nodePort")
        if node and (protocol, node) in nodes:
            found.append(duplicate(f"spec.ports[{index}].nodePort", node))
        nodes.add((protocol, node))
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        protocol, number = port.get("protocol"), port.get("port")
        if (protocol, number) in seen:
            found.append(duplicate(f"spec.ports[{index}]", {"port": number, "protocol": protocol}))
        seen.add((protocol, number))
