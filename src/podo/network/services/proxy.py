"""The Services of one node: watches Services and EndpointSlices, keeps podo's nftables table as they want it.

Changes of one loop turn become one transaction. The first sync, and every sync after a failure, replaces the table.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from podo.api.kinds.networking.servicecidr import cidrs_of
from podo.api.meta import labels_of
from podo.api.parts.nodelabels import ZONE
from podo.client.cache import Cache, CacheChange
from podo.network.services.conntrack import Forgetting
from podo.network.services.rules import Element, NodeFacts, chains_in, elements_of, host_ports_of, ranges_of
from podo.network.services.table import TableFacts, change_text, full_text
from podo.network.slices import ServiceName, SlicesByService
from podo.network.syncing import Syncing

#: The kinds that the cache must have. Of pods, those of this node are enough.
KINDS = ("Service", "EndpointSlice", "Pod", "Node", "ServiceCIDR")

NONE: frozenset[Element] = frozenset()


class Source(NamedTuple):
    """What elements come from: a Service, a Pod with host ports, or all ServiceCIDRs together."""

    kind: str
    namespace: str
    name: str


RANGES = Source("ServiceCIDR", "", "")


class Rules(Protocol):
    """What applies nft text, all of it or nothing (``nftables.Nftables``)."""

    def run(self, text: str) -> None: ...


class ServiceProxy:
    def __init__(self, cache: Cache, node: NodeFacts, table: TableFacts, rules: Rules) -> None:
        self._cache = cache
        self._node = node
        self._table = table
        self._rules = rules
        self._slices = SlicesByService()
        self._applied: dict[Source, frozenset[Element]] = {}
        self._users: Counter[Element] = Counter()  # how many sources want an element: some share one
        self._chains: set[str] = set()
        self._changed: set[Source] = set()
        self._whole = True  # the next sync replaces the table
        self._flows = Forgetting()
        self._unsubscribe = lambda: None
        self._syncing = Syncing("services", self._sync, failed=self._start_over)
        self.synced = self._syncing.synced

    async def start(self) -> None:
        """The cache must be synced: the first table is made from all of it."""
        self._unsubscribe = self._cache.subscribe(self._note)
        self._flows.start()
        self._syncing.start()

    async def stop(self) -> None:
        """Stop changing the table; it stays, so that Services work while podo restarts."""
        self._unsubscribe()
        await self._syncing.stop()
        await self._flows.stop()

    async def settled(self) -> None:
        """Return when the table is as the cache wants it."""
        await self._syncing.settled.wait()

    def _note(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        for change in changes:
            if kind == "Node":
                self._note_zone(change)
            elif kind in ("Service", "Pod"):
                self._changed.add(Source(kind, change.place.namespace, change.place.name))
            elif kind == "ServiceCIDR":
                self._changed.add(RANGES)
            elif kind == "EndpointSlice":
                self._changed |= {Source("Service", *service) for service in self._slices.note(change)}
        if self._changed:
            self._syncing.wake()

    def _note_zone(self, change: CacheChange) -> None:
        """Which endpoints are the closest depends on the zone of this node, for every Service."""
        if change.new is not None and change.place.name == self._node.name:
            zone = labels_of(change.new).get(ZONE, "")
            if zone != self._node.zone:
                self._node = replace(self._node, zone=zone)
                self._start_over()
                self._syncing.wake()

    def _start_over(self) -> None:
        self._whole = True

    async def _sync(self) -> None:
        changed, self._changed = self._changed, set()
        if self._whole:
            changed = self._everything()
        gone, new = self._plan(changed)
        if self._whole:
            text = full_text(self._table, new)
        else:
            text = change_text(self._table.name, gone, new, self._chains)
        if text:
            await asyncio.to_thread(self._rules.run, text)
            self._chains |= chains_in(new)
        self._whole = False
        self._flows.forget(gone, new)

    def _everything(self) -> set[Source]:
        self._applied, self._users, self._chains = {}, Counter(), set()
        found = {
            Source(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
            for kind in ("Service", "Pod")
            for obj in self._cache.list(kind)
        }
        return found | {RANGES}

    def _plan(self, changed: set[Source]) -> tuple[frozenset[Element], frozenset[Element]]:
        """The elements to delete and to add for what changed, counting those that several want."""
        touched: set[Element] = set()
        before = Counter[Element]()
        for source in changed:
            had, wanted = self._applied.pop(source, NONE), self._wanted(source)
            if wanted:
                self._applied[source] = wanted
            for element in had ^ wanted:
                before.setdefault(element, self._users[element])
                self._users[element] += 1 if element in wanted else -1
                touched.add(element)
        gone = frozenset(e for e in touched if before[e] > 0 and not self._users[e])
        new = frozenset(e for e in touched if not before[e] and self._users[e] > 0)
        for element in touched:
            if not self._users[element]:
                del self._users[element]
        return gone, new

    def _wanted(self, source: Source) -> frozenset[Element]:
        if source == RANGES:
            further = (cidr for obj in self._cache.list("ServiceCIDR") for cidr in cidrs_of(obj))
            return ranges_of((self._table.service_cidr, *further))
        obj = self._cache.get(source.kind, source.name, source.namespace)
        if obj is None:
            return NONE
        if source.kind == "Pod":
            return host_ports_of(obj)
        return elements_of(obj, self._slices.of(ServiceName(source.namespace, source.name)), self._node)
