"""Which addresses a proxied request may go to: not the API server's own machine and not its links.

A name is resolved once, and what it gave is checked and dialled: asking a second time could give another answer
(CVE-2020-8562).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from podo.api.errors import ApiError, bad_request
from podo.apiserver.subresources.proxytarget import Target

RESOLVE_SECONDS = 5.0


def is_allowed(text: str) -> bool:
    """May the API server be made to connect there? Loopback, link-local, multicast and no address are refused."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    closed = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return not closed and str(address) != "255.255.255.255"


async def dialled(target: Target) -> str:
    """The address to connect to. Raises BadRequest for one that is not allowed, ServiceUnavailable for a name without
    one."""
    if target.trusted:
        return target.host
    found = [target.host] if _is_literal(target.host) else await _resolve(target)
    if not all(is_allowed(address) for address in found):
        raise bad_request("address not allowed")
    return found[0]


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not host  # no address at all: refused below
    return True


async def _resolve(target: Target) -> list[str]:
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as failure:
        raise ApiError(
            "ServiceUnavailable", f"error trying to reach service: lookup {target.host}: {failure}"
        ) from None
    return [str(entry[4][0]) for entry in found]
