"""The scheduler's shell: follows the cluster in the cache, decides for one pod after another, has decisions carried
out and tells what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.client.cache import Cache, Changes
from podo.client.contract import Client
from podo.client.events import Recorder
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.metrics import Family
from podo.runtime.tasks import Tasks, sleep, within
from podo.scheduler import extended, storage
from podo.scheduler.binding import Binder
from podo.scheduler.claimbinder import ClaimBinder
from podo.scheduler.conditions import Conditions
from podo.scheduler.configuration import Configuration
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.devices.acquainting import Acquaintance
from podo.scheduler.evicting import Evictor
from podo.scheduler.explain import Explanation, Visible, everything, explain_by
from podo.scheduler.extenders import ExtenderFailed, Extenders
from podo.scheduler.follow import KINDS, Follower
from podo.scheduler.leaving import Leaving
from podo.scheduler.metrics import SchedulerMetrics
from podo.scheduler.placing import Placing
from podo.scheduler.plugins.contract import Filter
from podo.scheduler.plugins.dynamicresources import NAME as DYNAMIC_RESOURCES
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import DEFAULT_NAME, default_profile
from podo.scheduler.queue import Queue, Waiting
from podo.scheduler.reasons import Refusal
from podo.scheduler.refusing import Refusing
from podo.scheduler.snapshot import Snapshot, awaited
from podo.scheduler.telling import Teller, not_served, scheduler_of
from podo.scheduler.victims import Victims
from podo.scheduler.volumebinder import VolumeBinder

log = Logger("podo.scheduler")

#: Decisions in a row before other tasks get their turn.
TURN = 32
#: Nodes that preemption begins with are drawn from so many.
_ANY = 2**31


class Scheduler:
    """Puts pods on nodes, by the profile of their ``schedulerName``. ``cache`` must hold ``KINDS``."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        clock: Clock,
        chance: Chance,
        recorder: Recorder,
        *,
        configuration: Configuration | None = None,
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._chance = chance
        self.snapshot = Snapshot()
        self._acquaintance = Acquaintance(self.snapshot.devices)
        settings = configuration or Configuration((default_profile(),))
        served = settings.profiles
        self._cycles = {profile.name: Cycle(self.snapshot, profile) for profile in served}
        wakes = {name: events for profile in served for name, events in profile.wakes.items()}
        self._queue = Queue(wakes, settings.first_backoff, settings.longest_backoff)
        self._extenders = Extenders(settings.extenders)
        leaving = Leaving(self._queue)
        self._follower = Follower(self.snapshot, self._queue, self._cycles, self._filter, leaving.seen)
        self._volumes = VolumeBinder(client, self.snapshot)
        self._claims = ClaimBinder(client, self.snapshot, clock, chance)
        self._something = asyncio.Event()
        self._tasks = Tasks("scheduler")
        self._metrics = SchedulerMetrics()
        teller = Teller(recorder)
        self._conditions = conditions = Conditions(client, clock)
        evictor = Evictor(client, clock, recorder)
        self._refusing = Refusing(
            self.snapshot, self._queue, self._claims, evictor, leaving, teller, conditions, self._something.set
        )
        self._placing = Placing(
            self.snapshot,
            self._follower,
            self._queue,
            Binder(client, chance, self.snapshot),
            self._volumes,
            self._claims,
            self._extenders,
            teller,
            conditions,
            self._metrics,
            clock,
            {profile.name: profile.patience for profile in served},
            self._something.set,
        )
        self._unsubscribe = _nothing

    async def start(self) -> None:
        """Begins to schedule, once the cache has all that it must hold."""
        self._cache.require(KINDS)
        self._tasks.spawn(self._run(), "loop")

    async def stop(self) -> None:
        self._unsubscribe()
        await self._tasks.stop()
        await self._refusing.stop()
        await self._placing.stop()
        await self._conditions.stop()
        self._extenders.close()

    @property
    def running(self) -> bool:
        return len(self._tasks) > 0

    def metrics(self) -> Iterable[Family]:
        return self._metrics.families(self._queue.sizes, self._queue.entered)

    def explain(self, pod: Obj, visible: Visible = everything) -> Explanation:
        """Why a pod has no node, as decided now by the profile of its ``schedulerName``. ``visible``: of which
        namespaces pods may be named."""
        name = str(pod["spec"].get("schedulerName") or DEFAULT_NAME)
        cycle = self._cycles.get(name)
        if cycle is None:
            return Explanation("", not_served(name))
        return explain_by(pod, self.snapshot, cycle, visible)

    @property
    def idle(self) -> bool:
        """Is there nothing to do until something changes or a back-off ends?"""
        return not self._queue.ready and self._placing.idle

    async def _run(self) -> None:
        for kind in KINDS:
            await self._listed(kind)
        self._unsubscribe = self._cache.subscribe(self._changed)
        while True:
            more = await self._turn()
            self._placing.flush()
            if more:
                await sleep(0)
            else:
                await self._wait()

    async def _turn(self) -> bool:
        """Decides for some pods; are there more?"""
        for _ in range(TURN):
            if not await self._next():
                return False
        return True

    async def _listed(self, kind: str) -> None:
        while not self._cache.revision(kind):
            try:
                await self._cache.wait_for(kind, 1)
            except TimeoutError:
                log.warning("still waiting for the cache", kind=kind)

    def _changed(self, kind: str, revision: int, changes: Changes) -> None:
        if kind in KINDS and changes:
            now = self._clock.now()
            self._follower.changed(changes, now)
            if kind in storage.KINDS:
                self._volumes.changed()
            if kind == "ResourceClaim":
                self._claims.changed()
            self._something.set()

    async def _wait(self) -> None:
        """Until the cache changes, a binding ends, or the next back-off does."""
        self._something.clear()
        moment = self._queue.next_at()
        if self._queue.ready:
            return
        if moment is None:
            await self._something.wait()
            return
        try:
            await within(max(0.0, moment - self._clock.now()) + 0.001, self._something.wait())
        except TimeoutError:
            return

    async def _next(self) -> bool:
        """Decides for one pod; False when none is ready."""
        await self._placing.slot()
        entry = self._queue.pop(self._clock.now())
        if entry is None or not await self._begin(entry):
            self._placing.give_back()
        return entry is not None

    async def _begin(self, entry: Waiting) -> bool:
        """Decides, and begins to carry it out; is a binding under way?"""
        pod = entry.pod
        if pod.uid in self.snapshot.pods():  # bound meanwhile
            return False
        if kept := self.snapshot.nominated(pod.uid):
            self.snapshot.release(pod.uid)
            pod = entry.pod = replace(pod, nominated=kept)
        begun = entry.begun = self._clock.monotonic()
        entry.first_begun = entry.first_begun or begun
        entry.profile = scheduler_of(pod)
        if await self._acquaintance.prepare(pod):
            begun = self._clock.monotonic()
            self._metrics.acquainted(entry.profile, begun - entry.begun)
        try:
            outcome = await self._decide(pod)
        except ExtenderFailed as failure:
            self._placing.failed(entry, str(failure))
            return False
        seconds, found = self._clock.monotonic() - begun, isinstance(outcome, Placement)
        self._metrics.decided(entry.profile, seconds, found)
        if isinstance(outcome, Refusal):
            return await self._refused(entry, outcome)
        return self._placing.assume(entry, outcome.node_name)

    async def _decide(self, pod: PodInfo) -> Placement | Refusal:
        if pod.preempts:  # it takes the room that is kept for less important ones by making them yield
            return await self._placed(pod)
        with self.snapshot.without_less_important(pod.priority):
            return await self._placed(pod)

    async def _placed(self, pod: PodInfo) -> Placement | Refusal:
        cycle = self._cycle(pod)
        if not self._extenders.concern(pod):
            return cycle.place(pod, self._chance.below)
        self._placing.flush()  # nobody waits for the webhooks' answers
        nodes = {name_of(node): node for node in self._cache.list("Node")}
        return await extended.place(pod, cycle, self.snapshot, self._extenders, nodes, self._chance.below)

    def _filter(self, pod: PodInfo, name: str) -> Filter | None:
        return self._cycle(pod).profile.filter_named(name)

    def _cycle(self, pod: PodInfo) -> Cycle:
        return self._cycles[scheduler_of(pod)]

    # Refused

    async def _refused(self, entry: Waiting, refusal: Refusal) -> bool:
        """Makes room where that helps, and tells; True where only pods had to yield that were not there yet, so that
        this one can have the place at once."""
        pod = entry.pod
        if DYNAMIC_RESOURCES in refusal.plugins and self._claims.can_deallocate(pod):
            self._refusing.free(entry, refusal)
            self._waits(entry)
            return False
        victims, refusal = await self._make_room(pod, refusal)
        if victims is not None:
            self._refusing.displace(victims)
            if all(awaited(other) for other in victims.pods):
                return self._placing.assume(entry, victims.node_name)
        self._refusing.wait(entry, refusal, victims)
        self._waits(entry)
        return False

    def _waits(self, entry: Waiting) -> None:
        self._metrics.refused(entry.profile, self._clock.monotonic() - entry.begun)

    async def _make_room(self, pod: PodInfo, refusal: Refusal) -> tuple[Victims | None, Refusal]:
        cycle, first, begun = self._cycle(pod), self._chance.below(_ANY), self._clock.monotonic()
        if not self._extenders.preempt(pod):
            victims, refusal = cycle.make_room(pod, refusal, first)
        else:
            self._placing.flush()
            victims, refusal = await extended.make_room(pod, cycle, self.snapshot, self._extenders, refusal, first)
        if cycle.profile.preempts:
            count = sum(not awaited(other) for other in victims.pods) if victims is not None else 0
            self._metrics.made_room(cycle.profile.name, self._clock.monotonic() - begun, count)
        return victims, refusal


def _nothing() -> None:
    return None
