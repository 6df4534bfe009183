"""The records of the cluster's zone, from Services and EndpointSlices (pure).

Source: "Kubernetes DNS-Based Service Discovery", schema version 1.1.0. Names here are lower-case text without the final
dot.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from podo.api.kind import Obj

SCHEMA_VERSION = "1.1.0"


class DnsRecord(NamedTuple):
    """``type``: A, AAAA, SRV, CNAME, PTR or TXT; ``data`` in presentation form."""

    name: str
    type: str
    data: str


def records_of(service: Obj, slices: Sequence[Obj], domain: str) -> list[DnsRecord]:
    """All records of one Service."""
    metadata, spec = service["metadata"], service["spec"]
    base = f"{metadata['name']}.{metadata['namespace']}.svc.{domain}"
    if spec.get("type") == "ExternalName":
        return [DnsRecord(base, "CNAME", f"{spec['externalName'].rstrip('.')}.")]
    if spec.get("clusterIP") in (None, ""):
        return []
    if spec["clusterIP"] == "None":
        return _headless(base, slices, publish_unready=bool(spec.get("publishNotReadyAddresses")))
    return _with_address(base, spec)


def _with_address(base: str, spec: Obj) -> list[DnsRecord]:
    addresses = spec.get("clusterIPs") or [spec["clusterIP"]]
    found = [DnsRecord(base, _address_type(address), address) for address in addresses]
    found += [DnsRecord(_reverse(address), "PTR", f"{base}.") for address in addresses]
    for port in spec.get("ports") or ():
        found += _service_records(base, port.get("name"), port.get("protocol"), port["port"], base)
    return found


def _headless(base: str, slices: Iterable[Obj], *, publish_unready: bool) -> list[DnsRecord]:
    found: dict[DnsRecord, None] = {}
    for piece in slices:
        for endpoint in piece.get("endpoints") or ():
            if publish_unready or (endpoint.get("conditions") or {}).get("ready") is not False:
                for record in _endpoint_records(base, piece, endpoint):
                    found[record] = None
    return list(found)


def _endpoint_records(base: str, piece: Obj, endpoint: Obj) -> Iterable[DnsRecord]:
    for address in endpoint["addresses"]:
        host = endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")
        name = f"{host}.{base}"
        yield DnsRecord(base, _address_type(address), address)
        yield DnsRecord(name, _address_type(address), address)
        if endpoint.get("hostname"):
            yield DnsRecord(_reverse(address), "PTR", f"{name}.")
        for port in piece.get("ports") or ():
            if port.get("port"):
                yield from _service_records(base, port.get("name"), port.get("protocol"), port["port"], name)


def _service_records(base: str, port_name: str | None, protocol: str | None, port: int, target: str) -> list[DnsRecord]:
    if not port_name:
        return []
    return [DnsRecord(f"_{port_name}._{(protocol or 'TCP').lower()}.{base}", "SRV", f"0 50 {port} {target}.")]


def pod_record(name: str, domain: str) -> DnsRecord | None:
    """The record that a name like ``10-244-0-5.default.pod.cluster.local`` stands for; None if it is no such name."""
    labels = name.removesuffix(f".pod.{domain}").split(".")
    if len(labels) != 2 or not name.endswith(f".pod.{domain}"):
        return None
    try:
        return DnsRecord(name, "A", str(ipaddress.IPv4Address(labels[0].replace("-", "."))))
    except ValueError:
        return None


def fixed_records(domain: str) -> list[DnsRecord]:
    return [DnsRecord(f"dns-version.{domain}", "TXT", f'"{SCHEMA_VERSION}"')]


def _address_type(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def _reverse(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer
