"""Of a crowd that wakes at once a few go on in each turn of the loop, in their order, and others run in between."""

from __future__ import annotations

import asyncio

from podo.runtime.crowd import A_TURN, turn


def test_a_few_go_on_at_once() -> None:
    async def run() -> None:
        told: list[str] = []
        asyncio.get_running_loop().call_soon(told.append, "the loop's next turn")
        for _ in range(A_TURN):
            await turn()
        assert told == []
        await turn()
        assert told == ["the loop's next turn"]

    asyncio.run(run())


def test_a_crowd_goes_on_in_its_order_some_in_each_turn() -> None:
    async def run() -> None:
        told: list[int] = []
        crowds: list[int] = []

        async def one(number: int) -> None:
            await turn()
            told.append(number)

        async def somebody() -> None:
            """Has a turn of the loop, too, and sees how many went on since the last."""
            while len(told) < 5 * A_TURN:
                await asyncio.sleep(0)
                crowds.append(len(told) - sum(crowds))

        await asyncio.gather(*(one(number) for number in range(5 * A_TURN)), somebody())
        assert told == list(range(5 * A_TURN))
        assert max(crowds) <= A_TURN
        assert len(crowds) >= 5

    asyncio.run(run())


def test_who_is_cancelled_while_waiting_takes_no_turn() -> None:
    async def run() -> None:
        told: list[int] = []

        async def one(number: int) -> None:
            await turn()
            told.append(number)

        tasks = [asyncio.ensure_future(one(number)) for number in range(3 * A_TURN)]
        await asyncio.sleep(0)
        for task in tasks[A_TURN : 2 * A_TURN]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert told == [*range(A_TURN), *range(2 * A_TURN, 3 * A_TURN)]

    asyncio.run(run())
