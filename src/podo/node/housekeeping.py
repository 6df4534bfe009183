"""What a real node does from time to time: it rotates logs, ends pods that fill the disk, removes images that nobody
uses, and shares the CPUs out among the QoS classes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping

from podo.node import imagecollection, logrotation
from podo.node.imagecollection import Disk, ImageCollection
from podo.node.logrotation import LogRotation
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import RuntimeFailure
from podo.node.worker import PodWorker
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep, within

log = Logger("podo.node")

#: How often the QoS classes' shares of the CPUs are worked out anew where no pod comes or goes.
SHARES_SECONDS = 60.0


class Housekeeping:
    """``workers``: of the pods here, by their uid, as they are at each look."""

    def __init__(self, room: NodeRoom, workers: Mapping[str, PodWorker]) -> None:
        self._room = room
        self._workers = workers
        self._came_or_went = asyncio.Event()
        self._tasks = Tasks(f"node/{room.config.name}/housekeeping")

    def start(self) -> None:
        self._tasks.spawn(self._share_cpus(), "shares")
        self._tasks.spawn(self._rotate_logs(), "logs")
        self._tasks.spawn(self._evict(), "evict")
        self._tasks.spawn(self._collect_images(), "images")

    async def stop(self) -> None:
        await self._tasks.stop()

    def came_or_went(self) -> None:
        """A pod did: what depends on all of them is worked out anew."""
        self._came_or_went.set()

    async def _share_cpus(self) -> None:
        while True:
            self._room.machine.share([worker.pod for worker in self._workers.values() if worker.is_active])
            self._came_or_went.clear()
            with contextlib.suppress(TimeoutError):
                await within(SHARES_SECONDS, self._came_or_went.wait())

    async def _evict(self) -> None:
        """Pods that exceed what they may take of the disk are ended."""
        while True:
            await sleep(self._room.config.eviction_seconds)
            for worker in list(self._workers.values()):
                if worker.is_active and (why := await self._room.machine.exceeded(worker.pod)):
                    worker.evict(why)

    async def _rotate_logs(self) -> None:
        rotation = LogRotation(self._room.runtime, self._room.inventory.containers, self._room.clock)
        while True:
            await sleep(logrotation.EVERY_SECONDS)
            await rotation.look()

    async def _collect_images(self) -> None:
        collection = ImageCollection(
            self._room.runtime, self._room.inventory.containers, self._disk, self._room.clock, self._room.pulled.prune
        )
        while True:
            try:
                wanted, freed = await collection.look()
                if freed < wanted:
                    log.warning("too few images to free the disk", wanted=wanted, freed=freed)
            except (RuntimeFailure, OSError) as failure:
                log.warning("images not collected", why=str(failure))
            await sleep(imagecollection.EVERY_SECONDS)

    def _disk(self) -> Disk:
        found = os.statvfs(self._room.config.data_dir)
        return Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)
