"""Endpoints (v1): the addresses behind a Service, the older form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.columns import AGE, NAME, column, first_three
from podo.api.kind import Kind, Obj
from podo.api.meta import labels_of
from podo.api.parts.addresses import check_endpoint_ip, check_named_ports, ip_warnings
from podo.api.rules import Found, check_text, required
from podo.values import names


def _fill_in(endpoints: Obj) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port["protocol"] = port.get("protocol") or "TCP"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for index, subset in enumerate(new.get("subsets") or ()):
        path = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            found.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for field in ("addresses", "notReadyAddresses"):
            for at, address in enumerate(subset.get(field) or ()):
                _check_address(address, f"{path}.{field}[{at}]", found)
        check_named_ports(subset.get("ports") or [], f"{path}.ports", found)
    return found


def _check_address(address: dict[str, Any], path: str, found: Found) -> None:
    check_endpoint_ip(f"{path}.ip", address.get("ip") or "", found)
    if hostname := address.get("hostname"):
        check_text(f"{path}.hostname", hostname, names.label, found)
    if (node := address.get("nodeName")) is not None:
        check_text(f"{path}.nodeName", node, names.subdomain, found)


def _addresses(endpoints: Obj) -> Iterator[str]:
    for subset in endpoints.get("subsets") or ():
        addresses = [a.get("ip") or "" for a in subset.get("addresses") or ()]
        ports = subset.get("ports")
        if not ports:
            yield from addresses
        for port in ports or ():
            for ip in addresses:
                yield f"[{ip}]:{port.get('port')}" if ":" in ip else f"{ip}:{port.get('port')}"


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    if labels_of(new).get("endpoints.kubernetes.io/managed-by") == "endpoint-controller":
        return []
    return [
        warning
        for index, subset in enumerate(new.get("subsets") or ())
        for field in ("addresses", "notReadyAddresses")
        for at, address in enumerate(subset.get(field) or ())
        for warning in ip_warnings(f"subsets[{index}].{field}[{at}].ip", address.get("ip") or "")
    ]


ENDPOINTS = Kind(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    short_names=("ep",),
    warning="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    columns=(NAME, column("Endpoints", lambda endpoints: first_three(_addresses(endpoints), "<none>")), AGE),
    created_by_update=True,
)
