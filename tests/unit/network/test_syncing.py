"""The loop that keeps the kernel as the cluster wants it, in virtual time."""

from __future__ import annotations

import asyncio

from podo.lab import run
from podo.network.syncing import LONGEST_RETRY, Syncing
from podo.runtime.tasks import sleep


def test_failures_are_tried_again_with_growing_delay_until_one_succeeds() -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        began, tries, told = loop.time(), [], []

        async def sync() -> None:
            tries.append(round(loop.time() - began, 3))
            if len(tries) < 10:
                raise OSError("no")

        syncing = Syncing("test", sync, failed=lambda: told.append(len(tries)))
        syncing.start()
        await syncing.synced.wait()
        await syncing.stop()
        assert tries[:4] == [0, 0.5, 1.5, 3.5]
        assert tries[9] - tries[8] == LONGEST_RETRY
        assert told == list(range(1, 10))

    run(body())


def test_wakes_that_come_together_are_one_run_and_runs_keep_their_distance() -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        times: list[float] = []

        async def sync() -> None:
            times.append(round(loop.time(), 3))

        syncing = Syncing("test", sync, pause=0.1)
        syncing.start()
        for _ in range(5):
            syncing.wake()
        await syncing.synced.wait()
        syncing.wake()
        syncing.wake()
        await sleep(1)
        await syncing.stop()
        assert len(times) == 2
        assert round(times[1] - times[0], 3) == 0.1

    run(body())
