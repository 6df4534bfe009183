"""IP addresses and CIDR ranges as the API checks and writes them, and the arithmetic of giving addresses out."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

IP_WRONG = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR_WRONG = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_MAX_TEXT = 64


def address(text: str) -> Address:
    """Raises ValueError (with the API's message) for what is not an address."""
    if len(text) <= _MAX_TEXT and "%" not in text and "/" not in text:
        try:
            return ipaddress.ip_address(text)
        except ValueError:
            pass
    raise ValueError(IP_WRONG)


def network(text: str) -> Network:
    """The range a CIDR lies in; bits after the prefix are allowed. Raises ValueError (with the API's message)."""
    host, slash, prefix = text.partition("/")
    if slash and len(text) <= _MAX_TEXT and prefix.isascii() and prefix.isdigit() and "%" not in host:
        try:
            return ipaddress.ip_network(text, strict=False)
        except ValueError:
            pass
    raise ValueError(CIDR_WRONG)


def ip_messages(text: str) -> list[str]:
    """What is wrong with an address."""
    try:
        address(text)
    except ValueError as problem:
        return [str(problem)]
    return []


def cidr_messages(text: str) -> list[str]:
    """What is wrong with a range; its canonical form is required, as for new fields of the API."""
    try:
        found = network(text)
    except ValueError as problem:
        return [str(problem)]
    if text.partition("/")[0] != str(found.network_address):
        return [f'must be in canonical form ("{found}")'] if _same_network(text, found) else [_masked(found)]
    return []


def _same_network(text: str, found: Network) -> bool:
    return ipaddress.ip_address(text.partition("/")[0]) == found.network_address


def _masked(found: Network) -> str:
    return f'must not have bits set beyond the prefix length ("{found}")'


def family(text: str) -> str:
    """``IPv4`` or ``IPv6``, as ``spec.ipFamilies`` has it. Raises ValueError."""
    return f"IPv{address(text).version}"


def contains(cidr: str, ip: str) -> bool:
    """Does the range hold the address? Raises ValueError if one of them is not valid."""
    found = network(cidr)
    inside = address(ip)
    return inside.version == found.version and inside in found


def assignable(cidr: str) -> tuple[int, int]:
    """The first and the last address, as numbers, that Services are given of a range: not the network's own, nor the
    broadcast address of IPv4; the first is greater where there is none. Raises ValueError."""
    found = network(cidr)
    last = int(found.broadcast_address)
    return int(found.network_address) + 1, last - 1 if found.version == 4 else last


def gives(cidr: str, ip: str) -> bool:
    """Is the address one of the ``assignable`` of the range? Raises ValueError."""
    first, last = assignable(cidr)
    found = address(ip)
    return found.version == network(cidr).version and first <= int(found) <= last


def nth(cidr: str, index: int) -> str:
    """The address at an index: ``10.96.0.0/16`` and 10 give ``10.96.0.10``. Raises ValueError outside of the range."""
    found = network(cidr)
    if not 0 <= index < found.num_addresses:
        raise ValueError(f"{cidr} has no address {index}")
    return str(found.network_address + index)


def subnets(cidr: str, prefix: int) -> Iterator[str]:
    """The ranges of one prefix length in a range, lazily, as for the pod ranges of nodes. Raises ValueError."""
    return (str(one) for one in network(cidr).subnets(new_prefix=prefix))
