"""Carries a preemption out: the victims are told why, and deleted."""

from __future__ import annotations

import asyncio
from functools import partial

from podo.api.errors import ApiError
from podo.client.contract import Client, Unreachable
from podo.client.events import Recorder
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import within
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import awaited
from podo.scheduler.telling import disruption_patch
from podo.scheduler.victims import Victims

log = Logger("podo.scheduler")

#: Seconds that one request may take.
DEADLINE = 30.0
#: Victims of one pod that are evicted at the same time.
AT_ONCE = 16


class Evictor:
    def __init__(self, client: Client, clock: Clock, recorder: Recorder) -> None:
        self._client = client
        self._clock = clock
        self._recorder = recorder

    async def evict(self, victims: Victims, preemptor: PodInfo, scheduler: str) -> None:
        """All at once, so that they go with few commits; those that are going already, or only have room kept for
        them, are left alone."""
        text = f"Preempted by pod {preemptor.uid} on node {victims.node_name}"
        going = [pod for pod in victims.pods if not (pod.deleting or awaited(pod))]
        for start in range(0, len(going), AT_ONCE):
            some = going[start : start + AT_ONCE]
            await asyncio.gather(*(self._told(pod, scheduler, text) for pod in some))

    async def _told(self, pod: PodInfo, scheduler: str, text: str) -> None:
        try:
            await within(DEADLINE, self._one(pod, scheduler))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            if not (isinstance(failure, ApiError) and failure.reason == "NotFound"):
                log.warning("victim not evicted", pod=pod.key, why=str(failure))
            return
        self._recorder.tell(pod.obj, "Preempted", text, component=scheduler)

    async def _one(self, pod: PodInfo, scheduler: str) -> None:
        generation = int(pod.obj["metadata"].get("generation") or 0)
        patch = disruption_patch(pod.uid, generation, scheduler, self._clock.now())
        send = partial(self._client.patch, "Pod", pod.name, pod.namespace, type="strategic", subresource="status")
        await send(patch=patch)
        await self._client.delete("Pod", pod.name, pod.namespace, uid=pod.uid)
