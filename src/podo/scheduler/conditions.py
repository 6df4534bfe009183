"""Writes into the status of pods why they have no node, and which node is being cleared for them: a few at once."""

from __future__ import annotations

import asyncio
from typing import Any

from podo.api.errors import ApiError
from podo.client.contract import Client, Unreachable
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, within
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.requests import DEADLINE, patch_status
from podo.scheduler.telling import refusal_patch

log = Logger("podo.scheduler")

#: Conditions that are written at once.
AT_ONCE = 64


class Conditions:
    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks = Tasks("scheduler conditions")

    async def stop(self) -> None:
        await self._tasks.stop()

    def not_scheduled(self, pod: PodInfo, reason: str, message: str, nominated: str = "") -> None:
        """``nominated``: the node that is being cleared for the pod, "" for none. What stands there already costs
        nothing."""
        if (patch := refusal_patch(pod.obj, pod.uid, reason, message, nominated, self._clock.now())) is not None:
            self._tasks.spawn(self._write(pod, patch), f"status {pod.key}")

    def displaced(self, pod: PodInfo, uid: str) -> None:
        """The node that was being cleared for the pod is another's."""
        patch = {"metadata": {"uid": uid}, "status": {"nominatedNodeName": None}}
        self._tasks.spawn(self._write(pod, patch), f"nomination {pod.key}")

    async def _write(self, pod: PodInfo, patch: dict[str, Any]) -> None:
        try:
            async with self._slots:
                await within(DEADLINE, patch_status(self._client, pod, patch))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            log.debug("condition not written", pod=pod.key, why=str(failure))
