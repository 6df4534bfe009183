"""EndpointSlice (discovery.k8s.io/v1): a part of the addresses behind a Service."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, first_three
from podo.api.kind import Kind, Obj
from podo.api.meta import labels_of
from podo.api.parts.addresses import PROTOCOLS, check_endpoint_ip, ip_version, ip_warnings
from podo.api.rules import (
    Found,
    Validator,
    check_immutable,
    check_one_of,
    check_text,
    check_unique,
    invalid,
    required,
    too_many,
)
from podo.values import names

ENDPOINTS_MAX = 1000
_ADDRESSES_MAX = 100
_PORTS_MAX = 20000
_TYPES = ("FQDN", "IPv4", "IPv6")
_HINTS = (("forZones", names.label_value), ("forNodes", names.subdomain))
_HINTS_MAX = 8


def _fill_in(piece: Obj) -> None:
    for port in piece.get("ports") or ():
        port["name"] = port.get("name") or ""
        port["protocol"] = port.get("protocol") or "TCP"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    kind = new.get("addressType")
    check_one_of("addressType", kind, _TYPES, found)
    _check_ports(new.get("ports") or [], found)
    endpoints = new.get("endpoints") or []
    if old is None or endpoints != (old.get("endpoints") or []):
        _check_endpoints(endpoints, kind, found)
    if old is not None:
        check_immutable("addressType", kind, old.get("addressType"), found)
    return found


def _prepare(new: Obj, old: Obj | None) -> None:
    """A topology is what the beta versions had: nobody writes one any more."""
    endpoints = new.get("endpoints") or ()
    is_there = any("deprecatedTopology" in endpoint for endpoint in endpoints)
    if is_there and (old is None or endpoints != old.get("endpoints")):
        new["endpoints"] = [
            {name: value for name, value in endpoint.items() if name != "deprecatedTopology"} for endpoint in endpoints
        ]


def _check_endpoints(endpoints: list[dict[str, Any]], kind: Any, found: Found) -> None:
    if len(endpoints) > ENDPOINTS_MAX:
        found.append(too_many("endpoints", len(endpoints), ENDPOINTS_MAX))
        return
    for index, endpoint in enumerate(endpoints):
        _check_endpoint(endpoint, kind, f"endpoints[{index}]", found)


def _check_endpoint(endpoint: dict[str, Any], kind: Any, path: str, found: Found) -> None:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        found.append(required(f"{path}.addresses", "must contain at least 1 address"))
    if len(addresses) > _ADDRESSES_MAX:
        found.append(too_many(f"{path}.addresses", len(addresses), _ADDRESSES_MAX))
    for index, address in enumerate(addresses):
        _check_address(address, kind, f"{path}.addresses[{index}]", found)
    if (node := endpoint.get("nodeName")) is not None:
        check_text(f"{path}.nodeName", node, names.subdomain, found)
    if (hostname := endpoint.get("hostname")) is not None:
        check_text(f"{path}.hostname", hostname, names.label, found)
    if hints := endpoint.get("hints"):
        for field, rule in _HINTS:
            _check_hints(hints.get(field) or [], f"{path}.hints.{field}", rule, found)


def _check_hints(hints: list[dict[str, Any]], path: str, rule: Validator, found: Found) -> None:
    if len(hints) > _HINTS_MAX:
        found.append(too_many(path, len(hints), _HINTS_MAX))
        return
    seen: set[str] = set()
    for index, hint in enumerate(hints):
        name = hint.get("name") or ""
        check_unique(f"{path}[{index}].name", name, seen, found)
        check_text(f"{path}[{index}].name", name, rule, found)


def _check_address(address: str, kind: Any, path: str, found: Found) -> None:
    if kind == "FQDN":
        _check_domain(path, address, found)
        return
    wanted = {"IPv4": 4, "IPv6": 6}.get(kind)
    if wanted and ip_version(address) not in (wanted, 0):
        found.append(invalid(path, address, f"must be an {kind} address"))
    else:
        check_endpoint_ip(path, address, found)


def _check_domain(path: str, address: str, found: Found) -> None:
    name = address.removesuffix(".")
    if not address:
        found.append(required(path))
    elif messages := names.subdomain(name):
        found.extend(invalid(path, name, message) for message in messages)
    elif "." not in name:
        found.append(invalid(path, name, "should be a domain with at least two segments separated by dots"))
    else:
        found.extend(invalid(path, part, message) for part in name.split(".") for message in names.label(part))


def _check_ports(ports: list[dict[str, Any]], found: Found) -> None:
    if len(ports) > _PORTS_MAX:
        found.append(too_many("ports", len(ports), _PORTS_MAX))
        return
    seen: set[Any] = set()
    for index, port in enumerate(ports):
        name = port.get("name") or ""
        if name:
            check_text(f"ports[{index}].name", name, names.label, found)
        check_unique(f"ports[{index}].name", name, seen, found)
        check_one_of(f"ports[{index}].protocol", port.get("protocol"), PROTOCOLS, found)
        if (number := port.get("port")) is not None:
            check_text(f"ports[{index}].port", number, names.port_number, found)
        if (protocol := port.get("appProtocol")) is not None:
            check_text(f"ports[{index}].appProtocol", protocol, names.qualified_name, found)


def _port(port: dict[str, Any]) -> str:
    number = port.get("port")
    return str(number) if number is not None else port.get("name") or "*"


#: Controllers whose addresses are well written.
_CAREFUL = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    is_named = old is None and new.get("addressType") == "FQDN"
    found = ["spec.addressType: FQDN endpoints are deprecated"] if is_named else []
    if labels_of(new).get("endpointslice.kubernetes.io/managed-by") in _CAREFUL:
        return found
    for index, endpoint in enumerate(new.get("endpoints") or ()):
        for at, address in enumerate(endpoint.get("addresses") or ()):
            found += ip_warnings(f"endpoints[{index}].addresses[{at}]", address)
    return found


ENDPOINTSLICE = Kind(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    singular="endpointslice",
    fill_in=_fill_in,
    prepare=_prepare,
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("AddressType", lambda piece: piece.get("addressType") or ""),
        column("Ports", lambda piece: first_three((_port(port) for port in piece.get("ports") or ()), "<unset>")),
        column(
            "Endpoints",
            lambda piece: first_three(
                (address for each in piece.get("endpoints") or () for address in each.get("addresses") or ()), "<unset>"
            ),
        ),
        AGE,
    ),
    generation=True,
)
