"""The scheduler's shell: follows pods and nodes in the cache, decides for one pod after another, binds and tells
what happened.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import condition_of, is_deleting, uid_of
from podo.client.cache import Cache, Changes
from podo.client.contract import Client, Unreachable
from podo.client.events import Recorder
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep, within
from podo.scheduler.boards import Boards
from podo.scheduler.cycle import Placement, decide
from podo.scheduler.follow import Follower
from podo.scheduler.plugins import FILTERS
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.queue import Queue, Waiting
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import Snapshot
from podo.values import timestamp

log = Logger("podo.scheduler")

#: Kinds that must be in the cache.
KINDS = ("PersistentVolumeClaim", "Pod", "Node")
#: Bindings under way at once.
BINDINGS = 64
#: Decisions in a row before other tasks get their turn.
TURN = 32
#: Seconds that one request may take.
DEADLINE = 30.0


class Scheduler:
    """Puts pods with ``schedulerName: default-scheduler`` on nodes. ``cache`` must hold ``KINDS``."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        clock: Clock,
        chance: Chance,
        recorder: Recorder,
        *,
        name: str = "default-scheduler",
    ) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._chance = chance
        self._recorder = recorder
        self._name = name
        self.snapshot = Snapshot()
        self._boards = Boards(self.snapshot)
        self._queue = Queue({plugin.name: plugin.wakes for plugin in FILTERS})
        self._follower = Follower(self.snapshot, self._queue, name)
        self._something = asyncio.Event()
        self._slots = asyncio.Semaphore(BINDINGS)
        self._tasks = Tasks("scheduler")
        self._binding: set[str] = set()
        self._unsubscribe = _nothing

    async def start(self) -> None:
        """Begins to schedule, once the cache has all pods and nodes."""
        self._cache.require(KINDS)
        self._tasks.spawn(self._run(), "loop")

    async def stop(self) -> None:
        self._unsubscribe()
        await self._tasks.stop()

    @property
    def idle(self) -> bool:
        """Is there nothing to do until something changes or a back-off ends?"""
        return not self._queue.ready and not self._binding

    async def _run(self) -> None:
        for kind in KINDS:
            await self._listed(kind)
        self._unsubscribe = self._cache.subscribe(self._changed)
        while True:
            for _ in range(TURN):
                if not await self._next():
                    break
            else:
                await sleep(0)
                continue
            await self._wait()

    async def _listed(self, kind: str) -> None:
        while not self._cache.revision(kind):
            try:
                await self._cache.wait_for(kind, 1)
            except TimeoutError:
                log.warning("still waiting for the cache", kind=kind)

    def _changed(self, kind: str, revision: int, changes: Changes) -> None:
        if kind in KINDS and changes:
            for change in changes:
                self._follower.changed(change, self._clock.now())
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
        """Decides for one pod; False when none is ready. A slot comes first: what is decided is assumed at once."""
        await self._slots.acquire()
        entry = self._queue.pop(self._clock.now())
        if entry is None or not self._begin(entry):
            self._slots.release()
        return entry is not None

    def _begin(self, entry: Waiting) -> bool:
        """Decides, and begins to carry it out; is a binding under way?"""
        pod = entry.pod
        if pod.uid in self.snapshot.pods():  # bound meanwhile
            return False
        outcome = decide(pod, self.snapshot, self._boards, self._chance.below)
        if isinstance(outcome, Refusal):
            self._queue.refused(entry, outcome.plugins)
            self._recorder.tell(pod.obj, "FailedScheduling", outcome.message(), "Warning", component=self._name)
            self._tasks.spawn(self._say_why(pod, outcome), f"status {pod.key}")
            return False
        self.snapshot.add_pod(pod, outcome.node_name)
        self._binding.add(pod.uid)
        self._tasks.spawn(self._bind(entry, outcome), f"bind {pod.key}")
        return True

    async def _bind(self, entry: Waiting, placement: Placement) -> None:
        """Makes the decision true."""
        pod = entry.pod
        try:
            await within(DEADLINE, self._client.create(binding_of(pod, placement.node_name), subresource="binding"))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            await self._not_bound(entry, failure)
        else:
            self._tell_placed(pod, placement.node_name)
        finally:
            self._binding.discard(pod.uid)
            self._slots.release()
            self._something.set()

    async def _not_bound(self, entry: Waiting, failure: Exception) -> None:
        """Takes the pod off the node where it was assumed, once it is known that it is not there; tries again later."""
        pod = entry.pod
        node_name = await self._placed_on(pod)
        if node_name:
            self._tell_placed(pod, node_name)
            if pod.uid in self.snapshot.pods():  # else it has ended meanwhile
                self.snapshot.add_pod(pod, node_name)
            return
        if not self.snapshot.remove_pod(pod.uid) or node_name is None:
            return
        log.warning("pod not bound", pod=pod.key, why=str(failure))
        self._recorder.tell(
            pod.obj, "FailedScheduling", f"binding rejected: {failure}", "Warning", component=self._name
        )
        self._queue.failed(entry)

    async def _placed_on(self, pod: PodInfo) -> str | None:
        """Asks the API where the pod is, until it answers: "" is nowhere, None is gone.

        A binding without an answer may have been carried out, and the cache may not have seen it yet: to forget it
        would give its place away twice.
        """
        wait = 0.1
        while pod.uid in self.snapshot.pods():
            try:
                there = await within(DEADLINE, self._client.get("Pod", pod.name, pod.namespace))
            except ApiError as error:
                if error.reason == "NotFound":
                    return None
            except (Unreachable, TimeoutError, OSError):
                pass
            else:
                if uid_of(there) != pod.uid:
                    return None
                node_name = str(there["spec"].get("nodeName") or "")
                return None if is_deleting(there) and not node_name else node_name
            await sleep(self._chance.jitter(wait))
            wait = min(10.0, wait * 2)
        return None

    def _tell_placed(self, pod: PodInfo, node_name: str) -> None:
        text = f"Successfully assigned {pod.key} to {node_name}"
        self._recorder.tell(pod.obj, "Scheduled", text, component=self._name)

    async def _say_why(self, pod: PodInfo, refusal: Refusal) -> None:
        condition = unschedulable_condition(pod.obj, refusal.message(), self._clock.now())
        if condition is None:
            return
        patch = {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}}
        send = partial(self._client.patch, "Pod", pod.name, pod.namespace, type="strategic", subresource="status")
        try:
            async with self._slots:
                await within(DEADLINE, send(patch=patch))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            log.debug("condition not written", pod=pod.key, why=str(failure))


def _nothing() -> None:
    return None


def binding_of(pod: PodInfo, node_name: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "target": {"kind": "Node", "name": node_name},
    }


def unschedulable_condition(pod: Obj, message: str, now: float) -> dict[str, Any] | None:
    """The condition PodScheduled=False of a pod; None where it says so already."""
    old = condition_of(pod, "PodScheduled")
    new = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    if old is not None and new.items() <= old.items():
        return None
    since = old.get("lastTransitionTime") if old is not None and old.get("status") == "False" else None
    generation = pod["metadata"].get("generation")
    return {
        **new,
        **({"observedGeneration": generation} if generation else {}),
        "lastProbeTime": None,
        "lastTransitionTime": since or timestamp.time(now),
    }
