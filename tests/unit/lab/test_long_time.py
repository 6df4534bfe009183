"""Virtual time goes on for as long as anybody asks: a clock of so many seconds is no longer exact to the nanosecond."""

from __future__ import annotations

import asyncio

from podo.lab.virtualtime import run
from podo.runtime.tasks import sleep

YEAR = 365 * 24 * 3600.0


def test_timers_of_a_hundred_years_are_due_when_they_are() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for year in range(100):
            await sleep(YEAR * (year + 1) + 0.1 - loop.time())
            before = loop.time()
            assert abs(before - YEAR * (year + 1) - 0.1) < 1e-5
            await asyncio.gather(*(sleep(0.001 * number) for number in range(3)))
            assert loop.time() > before

    run(main())
