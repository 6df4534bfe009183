"""IP addresses and CIDRs: ``ip("10.0.0.1").family()``, ``cidr("10.0.0.0/8").containsIP("10.1.2.3")``.

Read strictly: no zones, no IPv4 in IPv6, no leading zeros.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import CelError, Opaque

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_IP, _CIDR = "net.IP", "net.CIDR"
_MAX_TEXT = 64


@dataclass(frozen=True, slots=True)
class IpValue(Opaque):
    address: Address

    cel_type = _IP


@dataclass(frozen=True, slots=True)
class CidrValue(Opaque):
    """``address``: with its host bits."""

    address: Address
    prefix: int

    cel_type = _CIDR

    @property
    def network(self) -> Any:
        return ipaddress.ip_network((self.address, self.prefix), strict=False)

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix}"


def _address(text: str) -> Address:
    """Raises ValueError with the reason."""
    if len(text) > _MAX_TEXT:
        raise ValueError("unable to parse IP")
    if "%" in text:
        raise ValueError("IPv6 zones are not allowed")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("unable to parse IP") from None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        raise ValueError("IPv4-mapped IPv6 address is not allowed")
    return found


def _ip(text: str) -> IpValue:
    try:
        return IpValue(_address(text))
    except ValueError as wrong:
        raise CelError(f'IP Address "{text[:_MAX_TEXT]}" parse error during conversion from string: {wrong}') from None


def _cidr(text: str) -> CidrValue:
    head, slash, prefix = text.partition("/")
    try:
        found = _address(head)
        if not slash or not prefix.isascii() or not prefix.isdigit() or (prefix[0] == "0" and prefix != "0"):
            raise ValueError("bad prefix length")
        if int(prefix[:4]) > found.max_prefixlen:
            raise ValueError("prefix length out of range")
    except ValueError as wrong:
        why = f"network address parse error during conversion from string: {wrong}"
        raise CelError(why) from None
    return CidrValue(found, int(prefix))


def _succeeds(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def run(text: str) -> bool:
        try:
            parse(text)
        except CelError:
            return False
        return True

    return run


def _is_canonical(text: str) -> bool:
    return str(_ip(text).address) == text


def _is_global(found: IpValue) -> bool:
    """As Go's IsGlobalUnicast: private addresses are, too."""
    address = found.address
    broadcast = address == ipaddress.IPv4Address("255.255.255.255")
    special = address.is_unspecified or address.is_loopback or address.is_multicast or _is_link_local(found)
    return not special and not broadcast


def _is_link_local(found: IpValue) -> bool:
    return found.address.is_link_local


def _is_link_local_multicast(found: IpValue) -> bool:
    network = "224.0.0.0/24" if found.address.version == 4 else "ff02::/16"
    return found.address in ipaddress.ip_network(network)


def _contains_ip(found: CidrValue, ip: IpValue) -> bool:
    return ip.address in found.network


def _contains_cidr(found: CidrValue, other: CidrValue) -> bool:
    if found.address.version != other.address.version or other.prefix < found.prefix:
        return False
    return other.address in found.network


FUNCTIONS: tuple[Function, ...] = (
    function("ip", "string", _IP, _ip, cost=tenth),
    function("isIP", "string", "bool", _succeeds(_ip), cost=tenth),
    function("ip.isCanonical", "string", "bool", _is_canonical, cost=tenth),
    method("family", _IP, "int", lambda found: found.address.version),
    method("isUnspecified", _IP, "bool", lambda found: found.address.is_unspecified),
    method("isLoopback", _IP, "bool", lambda found: found.address.is_loopback),
    method("isLinkLocalMulticast", _IP, "bool", _is_link_local_multicast),
    method("isLinkLocalUnicast", _IP, "bool", _is_link_local),
    method("isGlobalUnicast", _IP, "bool", _is_global),
    function("cidr", "string", _CIDR, _cidr, cost=tenth),
    function("isCIDR", "string", "bool", _succeeds(_cidr), cost=tenth),
    method("containsIP", f"{_CIDR}; {_IP}", "bool", _contains_ip),
    method("containsIP", f"{_CIDR}; string", "bool", lambda found, text: _contains_ip(found, _ip(text))),
    method("containsCIDR", f"{_CIDR}; {_CIDR}", "bool", _contains_cidr),
    method("containsCIDR", f"{_CIDR}; string", "bool", lambda found, text: _contains_cidr(found, _cidr(text))),
    method("ip", _CIDR, _IP, lambda found: IpValue(found.address)),
    method("prefixLength", _CIDR, "int", lambda found: found.prefix),
    method("masked", _CIDR, _CIDR, lambda found: CidrValue(found.network.network_address, found.prefix)),
)
#: Overloads of the standard's ``string``.
TEXTS: tuple[Function, ...] = (
    function("string", _IP, "string", lambda found: str(found.address)),
    function("string", _CIDR, "string", str),
)
