"""The loop of everything that keeps something of the kernel's as the cluster wants it: wait to be woken, sync, and
after a failure try again with growing delay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

log = Logger("podo.network")

FIRST_RETRY, LONGEST_RETRY = 0.5, 30.0


def _nothing() -> None:
    return None


class Syncing:
    """``sync`` runs once for all wakes that come before it begins. ``failed`` is told of each failure before the next
    try. ``pause``: seconds between two runs, so that what comes close together is one."""

    def __init__(
        self,
        name: str,
        sync: Callable[[], Awaitable[None]],
        *,
        failed: Callable[[], None] = _nothing,
        pause: float = 0.0,
    ) -> None:
        self._name = name
        self._sync = sync
        self._failed = failed
        self._pause = pause
        self._woken = asyncio.Event()
        self._tasks = Tasks(name)
        self.synced = asyncio.Event()  # set by the first success
        self.settled = asyncio.Event()  # while nothing waits to be applied

    def wake(self) -> None:
        self._woken.set()
        self.settled.clear()

    def start(self) -> None:
        """Begin, with a first run at once."""
        self.wake()
        self._tasks.spawn(self._run(), "sync")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _run(self) -> None:
        retry = FIRST_RETRY
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._sync()
            except Exception as failure:  # whatever it is, the kernel must come to what is wanted
                log.error("not applied", what=self._name, why=str(failure), retry_seconds=retry)
                self._failed()
                self.wake()
                await sleep(retry)
                retry = min(retry * 2, LONGEST_RETRY)
                continue
            retry = FIRST_RETRY
            self.synced.set()
            if not self._woken.is_set():
                self.settled.set()
            if self._pause:
                await sleep(self._pause)
