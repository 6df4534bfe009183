"""Volumes made from objects of the API stay as these are: written anew when a ConfigMap, Secret or trust bundle
changes, when a pod's certificate comes, and now and then, since tokens grow old and watches may fail."""

from __future__ import annotations

from collections.abc import Mapping

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.client.contract import Unreachable
from podo.node import podspec
from podo.node.machine import MachineFailure
from podo.node.room import NodeRoom
from podo.node.sourcewatch import Reference, SourceWatches, references
from podo.node.worker import PodWorker
from podo.runtime.chance import Chance
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

log = Logger("podo.node")


class Freshness:
    """``workers``: of the pods here, by their uid, as they are at each look."""

    def __init__(self, room: NodeRoom, workers: Mapping[str, PodWorker], chance: Chance) -> None:
        self._room = room
        self._workers = workers
        self._watches = SourceWatches(room.client, room.clock, chance, self._source_changed)
        self._tasks = Tasks(f"node/{room.config.name}/volumes")

    def start(self) -> None:
        if not self._room.config.simulated:
            self._tasks.spawn(self._refresh(), "refresh")

    async def stop(self) -> None:
        await self._watches.stop()
        await self._tasks.stop()

    def came_or_went(self, changed: Obj) -> None:
        """A pod came or went: watch what the pods here refer to now."""
        if not self._room.config.simulated and references(changed):
            self._watches.keep(each for worker in self._workers.values() for each in references(worker.pod))

    def certificate_issued(self, uid: str) -> None:
        """A pod's certificate is here, or refused: its volumes are written, or tried again, now."""
        if worker := self._workers.get(uid):
            if worker.memory.volumes_ready:
                self._tasks.spawn(self._refresh_one(worker.pod), f"refresh/{uid}")
            else:
                worker.try_volumes()

    def _source_changed(self, reference: Reference) -> None:
        self._room.sources.forget(reference.kind, reference.namespace, reference.name)
        for worker in self._workers.values():
            ready = worker.memory.volumes_ready and not worker.memory.cleaned
            if ready and reference in references(worker.pod):
                self._tasks.spawn(self._refresh_one(worker.pod), f"refresh/{uid_of(worker.pod)}")

    async def _refresh(self) -> None:
        while True:
            await sleep(self._room.config.sources_seconds)
            for worker in list(self._workers.values()):
                if worker.memory.volumes_ready and not worker.memory.cleaned:
                    await self._refresh_one(worker.pod)

    async def _refresh_one(self, pod: Obj) -> None:
        try:
            await self._room.machine.refresh(pod)
        except (MachineFailure, ApiError, Unreachable, OSError) as failure:
            log.warning("volumes not refreshed", pod=podspec.full_name(pod), why=str(failure))
