"""What becomes of a pod that no node takes: it waits for an event that helps, its condition and an Event say why, the
pods that have to go for it are evicted, and the room is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from podo.runtime.tasks import Tasks
from podo.scheduler.claimbinder import ClaimBinder
from podo.scheduler.conditions import Conditions
from podo.scheduler.evicting import Evictor
from podo.scheduler.leaving import Leaving
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.queue import Queue, Waiting
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import Snapshot, awaited
from podo.scheduler.telling import UNSCHEDULABLE, Teller, scheduler_of
from podo.scheduler.victims import Victims


class Refusing:
    """``activated`` is called when a pod can be tried again that nothing in the cluster has woken."""

    def __init__(
        self,
        snapshot: Snapshot,
        queue: Queue,
        claims: ClaimBinder,
        evictor: Evictor,
        leaving: Leaving,
        teller: Teller,
        conditions: Conditions,
        activated: Callable[[], None],
    ) -> None:
        self._snapshot, self._queue = snapshot, queue
        self._claims, self._evictor, self._leaving = claims, evictor, leaving
        self._teller, self._conditions, self._activated = teller, conditions, activated
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
        self._conditions.not_scheduled(pod, UNSCHEDULABLE, message, nominated)
        if victims is not None:
            self._leaving.expect(pod.uid, (other.uid for other in victims.staying))
            self._tasks.spawn(self._evict(victims, pod), f"preempt {pod.key}")

    def displace(self, victims: Victims) -> None:
        """Those of them that are not there yet lose the room that was kept for them."""
        for other in victims.pods:
            if uid := awaited(other):
                self._snapshot.release(uid)
                self._conditions.displaced(other, uid)

    def free(self, entry: Waiting, refusal: Refusal) -> None:
        """A claim of the pod has devices where it cannot go: it is freed, and the pod may then go elsewhere."""
        pod, refusal = entry.pod, replace(refusal, claims="deallocation of ResourceClaim completed")
        self._queue.refused(entry, refusal.plugins)
        self._teller.failed(pod, refusal.message())
        self._tasks.spawn(self._claims.deallocate(pod), f"deallocate {pod.key}")

    def _nominate(self, pod: PodInfo, victims: Victims | None, refusal: Refusal) -> str:
        """Keeps the room that is being made, or that others are still leaving; the node, "" for none."""
        node_name = victims.node_name if victims is not None else ""
        if refusal.keeps_room:
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
