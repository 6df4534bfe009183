"""The columns of ``kubectl get services``: where a Service is reached from outside, and its ports."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, labels_text, wide
from podo.api.kind import Column, Obj


def _cluster_ip(service: Obj) -> str:
    addresses = service["spec"].get("clusterIPs")
    return (addresses[0] if addresses else service["spec"].get("clusterIP")) or "<none>"


def _external_ip(service: Obj) -> str:
    spec = service["spec"]
    external = ",".join(spec.get("externalIPs") or ())
    kind = spec.get("type")
    if kind in ("ClusterIP", "NodePort"):
        return external or "<none>"
    if kind == "ExternalName":
        return spec.get("externalName") or ""
    if kind == "LoadBalancer":
        given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        balancer = ",".join(sorted({one.get("ip") or one.get("hostname") or "" for one in given} - {""}))
        return ",".join(filter(None, (balancer, external))) or "<pending>"
    return "<unknown>"


def _ports(service: Obj) -> str:
    return ",".join(map(_port, service["spec"].get("ports") or ())) or "<none>"


def _port(port: dict[str, Any]) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol') or 'TCP'}"


COLUMNS: tuple[Column, ...] = (
    NAME,
    column("Type", lambda service: service["spec"].get("type") or ""),
    column("Cluster-IP", _cluster_ip),
    column("External-IP", _external_ip),
    column("Port(s)", _ports),
    AGE,
    wide("Selector", lambda service: labels_text(service["spec"].get("selector"))),
)
