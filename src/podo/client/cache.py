"""The cache: a read-only, moving copy of the cluster, shared by all that runs in one process.

It is a little behind the store and says how far it has come (``revision``). Changes reach every subscriber in one
order, after they are in the tables. Objects in it belong to everybody: readers must copy before they change
(``checked=True`` finds those who do not).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from podo.api.kind import Obj
from podo.api.meta import revision_of, uid_of
from podo.client.contract import Client, Event
from podo.client.index import REMEMBERED_DELETIONS, Place, Table, place_of
from podo.client.reflector import LONGEST_WAIT, Reflector, RevisionWentBack, Source
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, within

log = Logger("podo.client.cache")


@dataclass(frozen=True, slots=True)
class CacheChange:
    """An object came (``old`` is None), changed, or went (``new`` is None)."""

    kind: str
    place: Place
    old: Obj | None
    new: Obj | None

    @property
    def object(self) -> Obj:
        """The newest that is known of it."""
        found = self.new if self.new is not None else self.old
        assert found is not None
        return found


#: How long the first lists may take unless told otherwise: a server that refuses now and then is asked again after a
#: minute at the latest, and five refusals in a row are no rarity where many kinds are listed.
SYNC_SECONDS = 20 * LONGEST_WAIT
#: The revision of a kind that will not change any more.
END = 1 << 62

Objects = list[Obj]
Changes = list[CacheChange]
#: Told the kind, the revision its table has come to, and what changed (nothing, for a bookmark). Must not block.
Subscriber = Callable[[str, int, Changes], None]


class ChangedByReader(AssertionError):
    """Somebody changed an object of the cache in place."""


class Cache:
    """One source a kind: all of it (``"Pod"``) or a part (``Source("Pod", fields="spec.nodeName=n1")``)."""

    def __init__(
        self, client: Client, sources: Iterable[str | Source], *, clock: Clock, chance: Chance, checked: bool = False
    ) -> None:
        self._client = client
        self._clock = clock
        self._chance = chance
        self._tables: dict[str, Table] = {}
        self._sources: dict[str, Source] = {}
        self._started = False
        self._missing: set[str] = set()  # kinds that are waited for: all but the custom ones
        self._subscribers: list[Subscriber] = []
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._digests: dict[tuple[str, Place], bytes] | None = {} if checked else None
        self._tasks = Tasks("cache")
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._reflectors: dict[str, asyncio.Task[None]] = {}
        self.require(sources)

    def require(self, sources: Iterable[str | Source]) -> None:
        """Have these kinds too; those that are there stay as they are. After ``start`` they are listed at once."""
        for each in sources:
            source = Source(each) if isinstance(each, str) else each
            if source.kind not in self._sources:
                self._sources[source.kind] = source
                self._tables[source.kind] = Table()
                if not source.is_custom:
                    self._missing.add(source.kind)
                if self._started:
                    self._spawn(source)

    def release(self, kind: str) -> None:
        """Forget a kind that is served no more. Subscribers are told that its objects are gone."""
        source = self._sources.pop(kind, None)
        if source is None:
            return
        table = self._tables.pop(kind)
        for obj in table:
            self._remember_gone(uid_of(obj))
        self._missing.discard(kind)
        if kind in self._reflectors:
            self._reflectors.pop(kind).cancel()
        gone = [CacheChange(kind, place, table.get(*place), None) for place in sorted(table.places())]
        for change in gone:
            if self._digests is not None:
                self._digests.pop((kind, change.place), None)
        self._tell(kind, END, gone)

    def source(self, kind: str) -> Source | None:
        """What is followed of a kind; None for one that is not here."""
        return self._sources.get(kind)

    async def start(self) -> None:
        """Begin to list and watch; ``wait_synced`` tells when every kind is there."""
        self._started = True
        for source in self._sources.values():
            self._spawn(source)

    async def stop(self) -> None:
        await self._tasks.stop()

    def _spawn(self, source: Source) -> None:
        reflector = Reflector(self._client, source, self, self._clock, self._chance)
        self._reflectors[source.kind] = self._tasks.spawn(reflector.run(), source.kind)

    # How far it has come

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._sources)

    @property
    def synced(self) -> bool:
        """Has every kind been listed once? Custom kinds are not waited for."""
        return not self._missing

    async def wait_synced(self, deadline_seconds: float = SYNC_SECONDS) -> None:
        """TimeoutError names the kinds that are missing."""
        try:
            await within(deadline_seconds, self._wait(lambda: self.synced))
        except TimeoutError:
            missing = ", ".join(sorted(self._missing))
            raise TimeoutError(f"not listed within {deadline_seconds:g} s: {missing}") from None

    def revision(self, kind: str) -> int:
        """Every change of this kind up to this revision is in; 0 before the first list."""
        return self._tables[kind].revision

    async def wait_for(self, kind: str, revision: int, deadline_seconds: float = 60.0) -> None:
        """Return when the cache has seen this revision of the kind; TimeoutError after the deadline."""
        table = self._tables[kind]
        if table.revision < revision:
            await within(deadline_seconds, self._wait(lambda: table.revision >= revision))

    async def _wait(self, true: Callable[[], bool]) -> None:
        if true():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (true, future)
        self._waiters.append(waiter)
        try:
            await future
        finally:
            self._waiters.remove(waiter)

    # What is there

    def get(self, kind: str, name: str, namespace: str = "") -> Obj | None:
        return self._tables[kind].get(namespace, name)

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """By namespace and name."""
        return self._tables[kind].list(namespace)

    def count(self, kind: str) -> int:
        return len(self._tables[kind])

    def labelled(self, kind: str, namespace: str, labels: Mapping[str, str]) -> Objects:
        """Objects of a namespace that have all these labels, by name."""
        return self._tables[kind].labelled(namespace, labels)

    def controlled_by(self, uid: str, kind: str) -> Objects:
        """Objects of a kind whose controller reference has this uid, by namespace and name."""
        return self._tables[kind].controlled_by(uid)

    def dependents_of(self, uid: str) -> Objects:
        """Objects of every kind here with an owner reference to this uid, kind by kind."""
        return [obj for table in self._tables.values() for obj in table.owned_by(uid)]

    def was_deleted(self, kind: str, name: str, namespace: str = "") -> bool:
        """Did the cache see an object of this name go, among the last few thousand of its kind?"""
        return self._tables[kind].was_deleted(Place(namespace, name))

    # What happens

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell ``subscriber`` everything that is here, then every change. Returns how to end it."""
        for kind, table in self._tables.items():
            if table.revision:
                changes = [CacheChange(kind, place_of(obj), None, obj) for obj in table.list()]
                subscriber(kind, table.revision, changes)
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def replace(self, kind: str, items: Objects, revision: int) -> None:
        """A list arrived: what differs becomes changes. (For reflectors.)"""
        table = self._tables[kind]
        if revision < table.revision:
            log.warning("the server went back in time", kind=kind, known=table.revision, listed=revision)
        present = {place_of(item) for item in items}
        gone = sorted(place for place in table.places() if place not in present)
        changes = [self._remove(kind, table, place) for place in gone]
        for item in items:
            if table.is_newer(item):
                changes += self._put(kind, table, item)
        table.revision = revision
        self._missing.discard(kind)
        self._tell(kind, revision, changes)

    def apply(self, kind: str, events: Sequence[Event]) -> None:
        """Watch events arrived. Raises RevisionWentBack when they are not newer than the table. (For reflectors.)"""
        table = self._tables[kind]
        changes: Changes = []
        try:
            for event in events:
                revision = revision_of(event.object)
                if revision < table.revision or (revision == table.revision and event.type != "BOOKMARK"):
                    raise RevisionWentBack(f"{event.type} at {revision} after {table.revision}")
                table.revision = revision
                if event.type == "DELETED":
                    if table.get(*place_of(event.object)) is not None:
                        changes.append(self._remove(kind, table, place_of(event.object)))
                elif event.type != "BOOKMARK":
                    changes += self._put(kind, table, event.object)
        finally:
            self._tell(kind, table.revision, changes)

    def _put(self, kind: str, table: Table, obj: Obj) -> Changes:
        """Usually one change; two where a list shows a successor of the same name."""
        place = place_of(obj)
        if self._digests is not None:
            self._check(kind, place, table)
            self._digests[kind, place] = orjson.dumps(obj)
        old = table.put(obj)
        if old is not None and uid_of(old) != uid_of(obj):
            return [CacheChange(kind, place, old, None), CacheChange(kind, place, None, obj)]
        return [CacheChange(kind, place, old, obj)]

    def _remember_gone(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED_DELETIONS:
            self._gone.popitem(last=False)

    def is_gone(self, uid: str) -> bool:
        """Did the cache see this object of a custom kind go, which may be gone too by now, among the last thousands?"""
        return uid in self._gone

    def _remove(self, kind: str, table: Table, place: Place) -> CacheChange:
        if self._sources[kind].is_custom and (obj := table.get(*place)) is not None:
            self._remember_gone(uid_of(obj))
        if self._digests is not None:
            self._check(kind, place, table)
            self._digests.pop((kind, place), None)
        return CacheChange(kind, place, table.remove(place), None)

    def _tell(self, kind: str, revision: int, changes: Changes) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(kind, revision, changes)
            except Exception as bug:  # one reader's bug must not blind the others
                log.error("a subscriber failed", bug, kind=kind)
        for true, future in self._waiters:
            if not future.done() and true():
                future.set_result(None)

    # Checking the readers

    def check(self) -> None:
        """Raise ChangedByReader if anybody changed an object in place (only with ``checked=True``)."""
        if self._digests is not None:
            for kind, place in self._digests:
                self._check(kind, place, self._tables[kind])

    def _check(self, kind: str, place: Place, table: Table) -> None:
        assert self._digests is not None
        obj = table.get(*place)
        if obj is not None and orjson.dumps(obj) != self._digests[kind, place]:
            raise ChangedByReader(
                f"{kind} {place.namespace}/{place.name} was changed in the cache; copy before changing"
            )
