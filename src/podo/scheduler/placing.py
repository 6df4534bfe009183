"""What is decided is carried out: the pod counts on its node at once, its volumes are bound, then it is bound, together
with others that were decided for in the same turn; where that fails it is taken off again and waits for another try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks
from podo.scheduler.binding import Binder
from podo.scheduler.claimbinder import ClaimBinder, NotAllocated, Reservation
from podo.scheduler.conditions import Conditions
from podo.scheduler.extenders import Extender, ExtenderFailed, Extenders
from podo.scheduler.follow import Follower
from podo.scheduler.metrics import SchedulerMetrics
from podo.scheduler.profile import Patience
from podo.scheduler.queue import Queue, Waiting
from podo.scheduler.snapshot import Snapshot
from podo.scheduler.telling import FAILED, Teller
from podo.scheduler.volumebinder import NotBound, VolumeBinder
from podo.scheduler.volumeplan import Plan, needs, plan

log = Logger("podo.scheduler")

#: Bindings under way at once.
BINDINGS = 128
#: What was being done when a pod could not be bound.
_WHAT: dict[type[Exception], str] = {
    NotBound: 'running PreBind plugin "VolumeBinding": binding volumes: ',
    NotAllocated: 'running PreBind plugin "DynamicResources": ',
    ExtenderFailed: "",
}
_BINDING = 'running Bind plugin "DefaultBinder": '

#: A pod and the name of its node.
Decision = tuple[Waiting, str]


class Placing:
    """``patience``: by profile. ``ended`` is called when bindings have come to their end."""

    def __init__(
        self,
        snapshot: Snapshot,
        follower: Follower,
        queue: Queue,
        binder: Binder,
        volumes: VolumeBinder,
        claims: ClaimBinder,
        extenders: Extenders,
        teller: Teller,
        conditions: Conditions,
        metrics: SchedulerMetrics,
        clock: Clock,
        patience: Mapping[str, Patience],
        ended: Callable[[], None],
    ) -> None:
        self._snapshot, self._follower, self._queue = snapshot, follower, queue
        self._binder, self._volumes, self._claims, self._extenders = binder, volumes, claims, extenders
        self._teller, self._conditions, self._metrics = teller, conditions, metrics
        self._clock, self._patience, self._ended = clock, patience, ended
        self._slots = asyncio.Semaphore(BINDINGS)
        self._tasks = Tasks("scheduler bindings")
        self._under_way: set[str] = set()
        self._decided: list[Decision] = []

    @property
    def idle(self) -> bool:
        return not self._under_way

    async def stop(self) -> None:
        await self._tasks.stop()

    async def slot(self) -> None:
        """Waits until one more binding may be under way: what is decided is assumed at once."""
        if self._slots.locked():
            self.flush()
        await self._slots.acquire()

    def give_back(self) -> None:
        """Nothing came of it: the slot is for others."""
        self._slots.release()

    def assume(self, entry: Waiting, node_name: str) -> bool:
        """From here on the pod counts on the node, and the slot is its; False where its claims can have no devices
        there after all."""
        pod, begun = entry.pod, self._clock.monotonic()
        wanted = needs(pod, self._snapshot.storage).want if pod.claims else ()
        try:
            devices = self._claims.reserve(pod, node_name)
        except NotAllocated as failure:
            self._metrics.reserved(entry.profile, self._clock.monotonic() - begun, failed=True)
            self.failed(entry, f'running Reserve plugin "DynamicResources": {failure}')
            return False
        self._snapshot.add_pod(pod, node_name)
        self._follower.added(pod, self._clock.now())
        self._under_way.add(pod.uid)
        if wanted or devices is not None:
            plan_ = plan(wanted, self._snapshot, self._snapshot.node(self._snapshot.row_of[node_name]))
            self._volumes.promise(plan_)
            self._tasks.spawn(self._bind_prepared((entry, node_name), plan_, devices), pod.key)
        elif (extender := self._extenders.binder(pod)) is not None:
            self._tasks.spawn(self._bind_by(extender, (entry, node_name)), pod.key)
        else:
            self._decided.append((entry, node_name))
        self._metrics.reserved(entry.profile, self._clock.monotonic() - begun, failed=False)
        return True

    def flush(self) -> None:
        """Has all bound that was decided since the last time."""
        decided, self._decided = self._decided, []
        if decided:
            self._tasks.spawn(self._bind(decided), decided[0][0].pod.key)

    async def _bind_prepared(self, decision: Decision, plan_: Plan, devices: Reservation | None) -> None:
        """Binding volumes and preparing devices may take minutes, in which the slot is for others."""
        pod = decision[0].pod
        self._slots.release()
        self._under_way.discard(pod.uid)
        failure: Exception | None = None
        begun, patience = self._clock.monotonic(), self._patience[decision[0].profile]
        try:
            await self._volumes.carry_out(plan_, patience.volumes)
            if devices is not None:
                await self._claims.carry_out(devices, patience.devices)
        except (NotBound, NotAllocated) as why:
            failure = why
        finally:
            self._volumes.forget(plan_)
        self._metrics.prepared(decision[0].profile, self._clock.monotonic() - begun, failure is not None)
        await self._slots.acquire()
        self._under_way.add(pod.uid)
        bound = await self._bind_alone(decision, failure)
        if devices is not None:
            self._claims.forget(devices)
            if not bound:
                await self._claims.take_back(devices)

    async def _bind_alone(self, decision: Decision, failure: Exception | None) -> bool:
        """Makes the decision true, unless something has gone wrong before; False where the pod is not there."""
        if failure is not None:
            return await self._settle(decision, failure)
        if (extender := self._extenders.binder(decision[0].pod)) is not None:
            return await self._bind_by(extender, decision)
        (failure,) = await self._posted([decision])
        return await self._settle(decision, failure)

    async def _bind_by(self, extender: Extender, decision: Decision) -> bool:
        return await self._settle(decision, await self._binder.bind_by(extender, decision[0].pod, decision[1]))

    async def _bind(self, decisions: list[Decision]) -> None:
        failures = await self._posted(decisions)
        bound = [entry for (entry, _), failure in zip(decisions, failures, strict=True) if failure is None]
        self._metrics.bound(bound, self._clock.monotonic())
        for decision, failure in zip(decisions, failures, strict=True):
            if failure is None:
                self._teller.placed(decision[0].pod, decision[1])
                self._end(decision)
            else:
                self._tasks.spawn(self._settle(decision, failure), decision[0].pod.key)

    async def _posted(self, decisions: list[Decision]) -> list[Exception | None]:
        begun = self._clock.monotonic()
        failures = await self._binder.bind([(entry.pod, node_name) for entry, node_name in decisions])
        self._metrics.posted([entry for entry, _ in decisions], failures, self._clock.monotonic() - begun)
        return failures

    async def _settle(self, decision: Decision, failure: Exception | None) -> bool:
        try:
            if failure is not None:
                return await self._not_bound(decision, failure)
            self._metrics.bound([decision[0]], self._clock.monotonic())
            self._teller.placed(decision[0].pod, decision[1])
            return True
        finally:
            self._end(decision)

    def _end(self, decision: Decision) -> None:
        self._under_way.discard(decision[0].pod.uid)
        self._slots.release()
        self._ended()

    async def _not_bound(self, decision: Decision, failure: Exception) -> bool:
        """Takes the pod off the node where it was assumed, once it is known that it is not there (then False); tries
        again later."""
        entry, decided = decision
        pod = entry.pod
        node_name = await self._binder.placed_on(pod)
        if node_name:
            self._metrics.bound([entry], self._clock.monotonic())
            self._teller.placed(pod, node_name)
            if pod.uid in self._snapshot.pods():  # else it has ended meanwhile
                self._snapshot.add_pod(pod, node_name)
            return True
        if not self._snapshot.remove_pod(pod.uid):
            return False
        self._follower.left(pod, decided, self._clock.now())
        if node_name is None:
            return False
        log.warning("pod not bound", pod=pod.key, why=str(failure))
        self.failed(entry, f"{_WHAT.get(type(failure), _BINDING)}{failure}")
        return False

    def failed(self, entry: Waiting, text: str) -> None:
        """Something went wrong that is no refusal: tells, and tries again later."""
        self._metrics.failed(entry.profile, self._clock.monotonic() - entry.begun)
        self._teller.failed(entry.pod, text)
        self._conditions.not_scheduled(entry.pod, FAILED, text)
        self._queue.failed(entry)
