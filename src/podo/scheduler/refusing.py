"""What becomes of a pod that no node takes: it waits for an event that helps, its condition and an Event say why, the
pods that have to go for it are evicted, and the room is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from podo.api.errors import ApiError
from podo.client.contract import Client, Unreachable
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, within
from podo.scheduler.claimbinder import ClaimBinder
from podo.scheduler.evicting import Evictor
from podo.scheduler.leaving import Leaving
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.queue import Queue, Waiting
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import Snapshot
from podo.scheduler.telling import Teller, refusal_patch, scheduler_of
from podo.scheduler.victims import Victims

log = Logger("podo.scheduler")

#: Conditions that are written at once.
AT_ONCE = 64
#: Seconds that one request may take.
DEADLINE = 30.0


class Refusing:
    """``activated`` is called when a pod can be tried again that nothing in the cluster has woken."""

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        queue: Queue,
        claims: ClaimBinder,
        evictor: Evictor,
        leaving: Leaving,
        teller: Teller,
        clock: Clock,
        activated: Callable[[], None],
    ) -> None:
        self._client, self._snapshot, self._queue = client, snapshot, queue
        self._claims, self._evictor, self._leaving = claims, evictor, leaving
        self._teller, self._clock, self._activated = teller, clock, activated
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks = Tasks("scheduler refusals")

    async def stop(self) -> None:
        await self._tasks.stop()

    def wait(self, entry: Waiting, refusal: Refusal, victims: Victims | None) -> None:
        """The pod waits. ``victims``: who goes for it."""
        pod = entry.pod
        self._queue.refused(entry, refusal.plugins)
        nominated = self._nominate(pod, victims, refusal)
        message = refusal.message()
        self._teller.failed(pod, message)
        if (patch := refusal_patch(pod.obj, pod.uid, message, nominated, self._clock.now())) is not None:
            self._tasks.spawn(self._say_why(pod, patch), f"status {pod.key}")
        if victims is not None:
            self._leaving.expect(pod.uid, (other.uid for other in victims.staying))
            self._tasks.spawn(self._evict(victims, pod), f"preempt {pod.key}")

    def free(self, entry: Waiting, refusal: Refusal) -> None:
        """A claim of the pod has devices where it cannot go: it is freed, and the pod may then go elsewhere."""
        pod, refusal = entry.pod, replace(refusal, claims="deallocation of ResourceClaim completed")
        self._queue.refused(entry, refusal.plugins)
        self._teller.failed(pod, refusal.message())
        self._tasks.spawn(self._claims.deallocate(pod), f"deallocate {pod.key}")

    def _nominate(self, pod: PodInfo, victims: Victims | None, refusal: Refusal) -> str:
        """Keeps the room that is being made, or that others are still leaving; the node, "" for none."""
        node_name = victims.node_name if victims is not None else ""
        if refusal.waits_for_victims:
            node_name = pod.nominated
        if node_name:
            self._snapshot.nominate(pod, node_name)
        return node_name

    async def _evict(self, victims: Victims, pod: PodInfo) -> None:
        """Where not all can be told to go, the pod looks again at once: nobody's going may wake it."""
        if not await self._evictor.evict(victims, pod, scheduler_of(pod)):
            self._leaving.give_up(pod.uid)
            self._queue.activate(pod.uid)
            self._activated()

    async def _say_why(self, pod: PodInfo, patch: dict[str, object]) -> None:
        send = partial(self._client.patch, "Pod", pod.name, pod.namespace, type="strategic", subresource="status")
        try:
            async with self._slots:
                await within(DEADLINE, send(patch=patch))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            log.debug("condition not written", pod=pod.key, why=str(failure))
