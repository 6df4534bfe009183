"""Long computations rest, and others run meanwhile; short ones are calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from podo.runtime.slices import in_slices, rest, wait_for


def counting(to: int, told: list[str], name: str) -> Callable[[], int]:
    def work() -> int:
        for step in range(to):
            told.append(f"{name}{step}")
            rest()
        return to

    return work


def test_what_never_rests_is_done_at_once() -> None:
    async def run() -> None:
        done: list[int] = []
        asyncio.get_running_loop().call_soon(done.append, 1)
        assert await in_slices(lambda: 7) == 7
        assert done == []
        with pytest.raises(KeyError):
            await in_slices(lambda: {"y": 1}["x"])
        assert done == []

    asyncio.run(run())


def test_others_run_while_it_rests_and_long_ones_come_one_after_the_other() -> None:
    async def run() -> None:
        told: list[str] = []

        async def beside() -> None:
            for step in range(3):
                told.append(f"beside{step}")
                await asyncio.sleep(0)

        both = [in_slices(counting(3, told, name)) for name in "ab"]
        assert await asyncio.gather(*both, beside()) == [3, 3, None]
        assert [one for one in told if one[0] == "a"] == ["a0", "a1", "a2"]
        assert told.index("beside1") < told.index("a2") < told.index("b1") < told.index("b2")

    asyncio.run(run())


def test_the_order_is_the_same_each_time() -> None:
    async def run() -> list[str]:
        told: list[str] = []
        await asyncio.gather(*(in_slices(counting(5, told, name)) for name in "abcde"))
        return told

    assert asyncio.run(run()) == asyncio.run(run())


def test_a_cancelled_task_ends_its_computation() -> None:
    async def run() -> None:
        ended: list[str] = []

        def endless() -> None:
            try:
                while True:
                    rest()
            finally:
                ended.append("yes")

        task = asyncio.ensure_future(in_slices(endless))
        waiting = asyncio.ensure_future(in_slices(endless))  # for its turn
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        waiting.cancel()
        await asyncio.wait([task, waiting])
        assert ended == ["yes", "yes"] and task.cancelled() and waiting.cancelled()
        assert await in_slices(lambda: "others are as before") == "others are as before"

    asyncio.run(run())


def test_an_error_after_a_rest_is_the_callers() -> None:
    def work() -> None:
        rest()
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        asyncio.run(in_slices(work))


def test_it_can_wait_for_what_others_give() -> None:
    async def asked(number: int) -> int:
        await asyncio.sleep(0)
        if number > 2:
            raise KeyError(number)
        return number * 2

    def work() -> int:
        rest()
        found = sum(wait_for(asked(number)) for number in (1, 2))
        rest()
        with pytest.raises(KeyError):
            wait_for(asked(3))
        return found

    async def run() -> None:
        assert await asyncio.gather(in_slices(work), in_slices(work)) == [6, 6]

    asyncio.run(run())


def test_each_thread_has_its_own() -> None:
    async def run() -> list[int]:
        return [await in_slices(counting(3, [], "x")) for _ in range(3)]

    assert asyncio.run(run()) == [3, 3, 3]
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(asyncio.run, run()) for _ in range(4)]
        assert [one.result() for one in both] == [[3, 3, 3]] * 4


def test_outside_nothing_happens() -> None:
    rest()
    told: list[str] = []
    assert counting(2, told, "x")() == 2 and told == ["x0", "x1"]
