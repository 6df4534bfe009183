"""Which cluster IPs are in use, and which are free: of every ServiceCIDR that is ready (KEP-1880).

In use is what Services have, what writes on their way were promised, and what an IPAddress is named after, whoever made
it. The objects are followed, so a range gives addresses from the request after the write that made it ready.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from podo.api.encoding import load
from podo.api.kinds.networking.ipaddress import IPADDRESS
from podo.api.kinds.networking.servicecidr import DEFAULT, SERVICECIDR, cidrs_of, is_ready
from podo.apiserver.clusterips.ranges import Range
from podo.authz.following import follow
from podo.runtime.chance import Chance
from podo.storage.contract import Store
from podo.values import net


class Pool:
    """``cidr``: what there is to give until there is a ServiceCIDR ``kubernetes``. Cluster IPs are IPv4."""

    def __init__(self, cidr: str, chance: Chance) -> None:
        self._chance = chance
        self._held: set[str] = set()
        self._named: set[str] = set()
        #: ServiceCIDR -> the ranges that it makes ready.
        self._ready: dict[str, tuple[str, ...]] = {DEFAULT: (cidr,)}
        self._configured = (cidr,)
        self._ranges: dict[str, Range] = {}
        self._lay_out()

    async def start(self, store: Store) -> None:
        """Follow the objects from now on."""
        await follow(store, SERVICECIDR.prefix, self._cidr_told)
        await follow(store, IPADDRESS.prefix, self._address_told)

    def is_used(self, address: str) -> bool:
        return address in self._held or address in self._named

    def is_in_range(self, address: str) -> bool:
        """Is it of a range that is ready? What is no address, or one of IPv6, is not."""
        number = _number(address)
        return number is not None and any(number in one for one in self._ranges.values())

    def find(self) -> str | None:
        """An address that nobody uses; None where every range is full."""
        for each in self._ranges.values():
            if (number := each.find(self._chance)) is not None:
                return str(ipaddress.IPv4Address(number))
        return None

    def hold(self, addresses: Iterable[str]) -> None:
        """Services have these, or are about to."""
        for address in addresses:
            self._held.add(address)
            self._use(address)

    def let_go(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            self._held.discard(address)
            self._free(address)

    def _address_told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        address = key.rpartition("/")[2]
        if value is None:
            self._named.discard(address)
            self._free(address)
        elif before is None:
            self._named.add(address)
            self._use(address)

    def _cidr_told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        name = key.rpartition("/")[2]
        ready: tuple[str, ...]
        if value is None:
            ready = self._configured if name == DEFAULT else ()
        else:
            found = load(value)
            ready = tuple(cidrs_of(found)) if is_ready(found) else ()
        if ready != self._ready.get(name, ()):
            self._ready[name] = ready
            if not ready and name != DEFAULT:
                del self._ready[name]
            self._lay_out()

    def _lay_out(self) -> None:
        """The first to give is the cluster's own range; several objects may have the same."""
        names = sorted(self._ready, key=lambda name: (name != DEFAULT, name))
        cidrs = dict.fromkeys(cidr for name in names for cidr in self._ready[name] if net.network(cidr).version == 4)
        self._ranges = {cidr: Range(cidr) for cidr in cidrs}
        for address in self._held | self._named:
            self._use(address)

    def _use(self, address: str) -> None:
        if (number := _number(address)) is not None:
            for each in self._ranges.values():
                each.use(number)

    def _free(self, address: str) -> None:
        if not self.is_used(address) and (number := _number(address)) is not None:
            for each in self._ranges.values():
                each.free(number)


def _number(address: str) -> int | None:
    try:
        return int(ipaddress.IPv4Address(address))
    except ValueError:
        return None
