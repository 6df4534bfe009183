"""Carries a preemption out: the victims are told why, and deleted."""

from __future__ import annotations

import asyncio

from podo.api.errors import ApiError
from podo.client.contract import Client, Unreachable
from podo.client.events import Recorder
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import within
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.requests import DEADLINE, patch_status
from podo.scheduler.telling import disruption_patch
from podo.scheduler.victims import Victims

log = Logger("podo.scheduler")

#: Victims of one pod that are evicted at the same time.
AT_ONCE = 16


class Evictor:
    def __init__(self, client: Client, clock: Clock, recorder: Recorder) -> None:
        self._client = client
        self._clock = clock
        self._recorder = recorder

    async def evict(self, victims: Victims, preemptor: PodInfo, scheduler: str) -> bool:
        """All that stay, at once, so that they go with few commits; False where one could not be told."""
        text = f"Preempted by pod {preemptor.uid} on node {victims.node_name}"
        staying, told = victims.staying, True
        for start in range(0, len(staying), AT_ONCE):
            some = staying[start : start + AT_ONCE]
            told &= all(await asyncio.gather(*(self._told(pod, scheduler, text) for pod in some)))
        return told

    async def _told(self, pod: PodInfo, scheduler: str, text: str) -> bool:
        try:
            await within(DEADLINE, self._one(pod, scheduler))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            if isinstance(failure, ApiError) and failure.reason == "NotFound":
                return True
            log.warning("victim not evicted", pod=pod.key, why=str(failure))
            return False
        self._recorder.tell(pod.obj, "Preempted", text, component=scheduler)
        return True

    async def _one(self, pod: PodInfo, scheduler: str) -> None:
        generation = int(pod.obj["metadata"].get("generation") or 0)
        patch = disruption_patch(pod.uid, generation, scheduler, self._clock.now())
        await patch_status(self._client, pod, patch)
        await self._client.delete("Pod", pod.name, pod.namespace, uid=pod.uid)
