"""Rules of IP addresses, networks and the ports of Services and their endpoints."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

from podo.api.rules import Found, check_one_of, check_text, invalid, required
from podo.values import names

PROTOCOLS = ("SCTP", "TCP", "UDP")
_NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@lru_cache(maxsize=8192)
def ip_version(text: str) -> int:
    """4, 6, or 0 for what is no IP address."""
    try:
        return ipaddress.ip_address(text).version if "%" not in text else 0
    except ValueError:
        return 0


@lru_cache(maxsize=1024)
def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def check_ip(path: str, value: str, found: Found) -> None:
    if not ip_version(value):
        found.append(invalid(path, value, _NO_IP))


def check_cidr(path: str, value: str, found: Found) -> None:
    if not _is_cidr(value):
        found.append(invalid(path, value, _NO_CIDR))


def check_endpoint_ip(path: str, value: str, found: Found) -> None:
    """An address that traffic may be sent to: not this host, not the local link, not a group."""
    if not ip_version(value):
        found.append(invalid(path, value, _NO_IP))
    elif why := _special(value):
        found.append(invalid(path, value, why))


@lru_cache(maxsize=8192)
def _special(text: str) -> str:
    address = ipaddress.ip_address(text)
    if address.is_unspecified:
        return f"may not be unspecified ({text})"
    if address.is_loopback:
        return "may not be in the loopback range (127.0.0.0/8, ::1/128)"
    if address.is_link_local:
        return "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
    if address.is_multicast:
        return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" if _is_local(address) else ""
    return ""


def _is_local(group: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return group in ipaddress.ip_network("224.0.0.0/24" if group.version == 4 else "ff02::/10", strict=False)


def check_named_ports(ports: list[dict[str, Any]], path: str, found: Found) -> None:
    """Ports of endpoints, of which each has a name as soon as there are several."""
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name")
        if name:
            check_text(f"{where}.name", name, names.label, found)
        elif len(ports) > 1:
            found.append(required(f"{where}.name"))
        check_text(f"{where}.port", port.get("port") or 0, names.port_number, found)
        check_one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS, found)
        if (protocol := port.get("appProtocol")) is not None:
            check_text(f"{where}.appProtocol", protocol, names.qualified_name, found)


def ip_warnings(path: str, value: str) -> list[str]:
    """Of an address that is good, but written as no machine writes it."""
    if value.isascii() and ":" not in value:
        return []
    written = _written(value)
    if written is None or written == value:
        return []
    if written.count(".") == 3:
        what = "will be considered invalid in a future Kubernetes release: use"
        return [f'{path}: non-standard IP address "{value}" {what} "{written}"']
    return [f'{path}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{written}")']


@lru_cache(maxsize=1024)
def _written(text: str) -> str | None:
    """An IPv6 address in its canonical form, one that stands for an IPv4 address as that."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


@lru_cache(maxsize=1024)
def cidr_warnings(path: str, value: str) -> list[str]:
    """Of a range that is good, but says more than a range, or is written as no machine writes it."""
    host, _, prefix = value.partition("/")
    try:
        address, network = ipaddress.ip_address(host), ipaddress.ip_network(value, strict=False)
    except ValueError:
        return []
    if address != network.network_address:
        one = f"{address}/{address.max_prefixlen}"
        return [f'{path}: CIDR value "{value}" is ambiguous in this context (should be "{network}" or "{one}"?)']
    if prefix != str(network.prefixlen):
        what = "will be considered invalid in a future Kubernetes release: use"
        return [f'{path}: non-standard CIDR value "{value}" {what} "{network}"']
    if address.version == 6 and str(network) != value:
        return [f'{path}: IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{network}")']
    return []
