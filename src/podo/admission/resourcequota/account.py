"""The account of one namespace: writes that ask to be charged, what is given back, and the quotas' status.

All that waits is worked off together and in turn, with one write of each quota that changes, made on the condition that
nobody else has written it. A write is told that it is charged when the charge is stored, so usage is never stored
lower than it is; a write that fails gives its charge back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from podo.admission.innamespace import objects_in
from podo.admission.resourcequota.check import Refused, Tally, Write, added, charge, released, tally_of
from podo.admission.resourcequota.recount import counted, written
from podo.admission.resourcequota.usage import Resource
from podo.api.encoding import encode
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.core.resourcequota import RESOURCEQUOTA
from podo.api.parts.podamounts import Amounts
from podo.runtime.clock import Clock
from podo.storage.contract import KeyNotFound, RevisionMismatch, Store

#: How often a batch is worked out again because a quota was written by somebody else.
ATTEMPTS = 10


@dataclass(slots=True, eq=False)
class Charge:
    """What one write is charged, by the uid of the quota. ``commit`` when the write is done, ``close`` in any case."""

    account: Account
    write: Write
    told: asyncio.Future[None]
    amounts: dict[str, Amounts] = field(default_factory=dict)
    recounts: int = 0  # of the account, when the charge was stored
    done: bool = False
    is_doubtful: bool = False

    def commit(self) -> None:
        self.done = True

    def doubt(self) -> None:
        self.is_doubtful = True

    def close(self) -> None:
        self.account.closed(self)


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of the log. ``new`` is None for an object that is gone."""

    resource: Resource
    old: Obj
    new: Obj | None
    revision: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The amounts of a charge whose write was not done; ``recounts`` of the account at that moment."""

    amounts: dict[str, Amounts]
    recounts: int


class Account:
    """One namespace. ``wake`` is called when there is work to be done by ``work``; ``later`` when ``decide`` is to be
    called a while later."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        namespace: str,
        wake: Callable[[Account], None],
        later: Callable[[Account, Charge], None],
    ) -> None:
        self.namespace = namespace
        self.at_work = False
        self._store, self._clock, self._wake, self._later = store, clock, wake, later
        self._asked: list[Charge] = []
        self._freed: list[Changed | GivenBack] = []
        self._in_flight: set[Charge] = set()
        self._counted: set[str] = set()  # uids of quotas that were counted in this process
        self._counted_at = 0
        self._recounts = 0
        self._recount = False

    @property
    def has_writes(self) -> bool:
        """Are writes on their way that were charged here?"""
        return bool(self._in_flight or self._asked)

    def ask(self, write: Write) -> Charge:
        """A charge that is told when it is stored, or refused (check.Refused)."""
        asked = Charge(self, write, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._wake(self)
        return asked

    def changed(self, change: Changed) -> None:
        self._freed.append(change)
        self._wake(self)

    def recount(self) -> None:
        self._recount = True
        self._wake(self)

    def closed(self, asked: Charge) -> None:
        """The write that was charged is over."""
        if asked not in self._in_flight:
            return
        if asked.is_doubtful:  # counted as if it were on its way, until it must have arrived
            self._later(self, asked)
            return
        self._in_flight.discard(asked)
        if not asked.done:
            self._freed.append(GivenBack(asked.amounts, self._recounts))
            self._wake(self)
        elif asked.recounts != self._recounts:  # it may have been counted twice: as charged, and as stored
            self.recount()

    def decide(self, asked: Charge) -> None:
        """By now a doubtful write is there or not: look."""
        self._in_flight.discard(asked)
        self.recount()

    async def work(self) -> None:
        """Until nothing waits."""
        while self._asked or self._freed or self._recount:
            asked, self._asked = self._asked, []
            freed, self._freed = self._freed, []
            recount, self._recount = self._recount, False
            try:
                refused = await self._settle(asked, freed, recount)
            except Exception as failure:
                self._counted.clear()  # what came of this is not known: count before the next charge
                for each in asked:
                    if not each.told.done():
                        each.told.set_exception(failure)
                if not isinstance(failure, ApiError):
                    raise
            else:
                for each in asked:
                    self._tell(each, refused.get(each))

    def _tell(self, asked: Charge, refusal: Refused | None) -> None:
        if refusal is not None:
            if not asked.told.done():
                asked.told.set_exception(refusal)
            return
        asked.recounts = self._recounts
        if asked.amounts:
            self._in_flight.add(asked)
        if asked.told.done():  # who asked has gone
            asked.close()
        else:
            asked.told.set_result(None)

    async def _settle(
        self, asked: list[Charge], freed: list[Changed | GivenBack], recount: bool
    ) -> dict[Charge, Refused]:
        """Store what all of this comes to; which charges are refused, and why."""
        for _ in range(ATTEMPTS):
            tallies = [tally_of(quota) for quota in await objects_in(self._store, RESOURCEQUOTA.prefix, self.namespace)]
            if recount or not self._counted.issuperset(tally.uid for tally in tallies):
                tallies = await self._count(tallies)
            if not self._take_off(tallies, freed):
                tallies = await self._count(tallies)
            refused = {}
            for each in asked:
                try:
                    each.amounts = charge_all(tallies, each.write)
                except Refused as why:
                    refused[each] = why
            if await self._store_all(tallies):
                return refused
            recount = True
        raise ApiError("Conflict", f"the resource quotas of namespace {self.namespace} changed; please try again")

    def _take_off(self, tallies: list[Tally], freed: Iterable[Changed | GivenBack]) -> bool:
        """What is used no more, where it was not counted meanwhile. False if it takes a recount to tell."""
        now = self._clock.now()
        for each in freed:
            for tally in tallies:
                if isinstance(each, GivenBack):
                    if each.recounts == self._recounts:
                        tally.take_off(each.amounts.get(tally.uid, {}))
                elif each.revision > self._counted_at:
                    less = released(tally, each.resource, each.old, each.new, now)
                    if less is None:
                        return False
                    tally.take_off(less)
        return True

    async def _count(self, tallies: list[Tally]) -> list[Tally]:
        """All quotas as the store has them, with the charges whose writes are on their way."""
        at = self._store.revision
        found = [await counted(self._store, tally.quota, self._clock.now()) for tally in tallies]
        for tally in found:
            for each in self._in_flight:
                tally.add(each.amounts.get(tally.uid, {}))
        self._counted = {tally.uid for tally in found}
        self._counted_at = at
        self._recounts += 1
        return found

    async def _store_all(self, tallies: list[Tally]) -> bool:
        """False if somebody else has written one of them meanwhile."""
        for tally in tallies:
            new = written(tally.quota, tally)
            if new["status"] == tally.quota.get("status"):
                continue
            found = new["metadata"]
            key = RESOURCEQUOTA.key(self.namespace, found["name"])
            try:
                await self._store.update(key, encode(new), expected=int(found["resourceVersion"]))
            except KeyNotFound:
                continue
            except RevisionMismatch:
                return False
        return True


def charge_all(tallies: list[Tally], write: Write) -> dict[str, Amounts]:
    """Charge all quotas, by their uid, or none. Raises Refused."""
    more = added(write)
    charged: dict[str, Amounts] = {}
    try:
        for tally in tallies:
            if amounts := charge(tally, write, more):
                charged[tally.uid] = amounts
    except Refused:
        for tally in tallies:
            tally.take_off(charged.get(tally.uid, {}))
        raise
    return charged
