import asyncio

import pytest

from podo.lab.virtualtime import Deadlock, run
from podo.runtime.clock import LoopClock
from tests.cpu import costs_at_most


def test_a_day_passes_in_no_time() -> None:
    async def main() -> tuple[float, float]:
        clock = LoopClock(1000.0, asyncio.get_running_loop())
        for _ in range(24):
            await asyncio.sleep(3600)
        return clock.now(), clock.monotonic()

    with costs_at_most(1):
        assert run(main()) == (1000.0 + 86400, 86400)


def test_timers_fire_in_order_and_timeouts_follow_the_virtual_clock() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def note(number: int, after: float) -> None:
            await asyncio.sleep(after)
            seen.append(number)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(15):
                await asyncio.gather(note(3, 30), note(1, 0.1), note(2, 10))
        return seen

    assert run(main()) == [1, 2]


def test_waiting_for_what_cannot_come_is_a_deadlock() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run(main())
