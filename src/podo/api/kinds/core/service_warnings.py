"""What a client is told of a Service that is good: fields that do nothing, or are deprecated."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import annotations_of
from podo.api.parts import topologymode
from podo.api.parts.addresses import cidr_warnings, ip_warnings


def warnings(new: Obj, old: Obj | None) -> list[str]:
    spec = new["spec"]
    is_external_name = spec.get("type") == "ExternalName"
    is_headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    found = []
    if topologymode.FORMER in annotations_of(new):
        found.append(f"annotation {topologymode.FORMER} is deprecated, please use {topologymode.MODE} instead")
    if not is_external_name and not is_headless:
        found += _of_ips(new, "clusterIPs")
    if is_headless:
        found += _ignored(new)
    if spec.get("externalIPs"):
        found += _of_ips(new, "externalIPs")
        if not is_headless and not is_external_name:
            found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    found += ip_warnings("spec.loadBalancerIP", spec.get("loadBalancerIP") or "")
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found += cidr_warnings(f"spec.loadBalancerSourceRanges[{index}]", cidr)
    if is_external_name and spec.get("externalIPs"):
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not is_external_name and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _of_ips(service: Obj, field: str) -> list[str]:
    addresses = enumerate(service["spec"].get(field) or ())
    return [warning for index, one in addresses for warning in ip_warnings(f"spec.{field}[{index}]", one)]


def _ignored(service: Obj) -> list[str]:
    """What means nothing to a Service without an address."""
    spec = service["spec"]
    found = [
        f"spec.{field} is ignored for headless services"
        for field in ("loadBalancerIP", "externalIPs")
        if spec.get(field)
    ]
    if spec.get("sessionAffinity") != "None":
        found.append("spec.SessionAffinity is ignored for headless services")
    return found


def status_warnings(new: Obj, old: Obj) -> list[str]:
    ingress = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [
        warning
        for index, one in enumerate(ingress)
        for warning in ip_warnings(f"status.loadBalancer.ingress[{index}]", one.get("ip") or "")
    ]
