"""The queue's rules, each and under any order of calls."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from podo.lab.virtualtime import run
from podo.reconcile.queue import KeyQueue
from podo.runtime import loop


def nothing() -> None:
    return None


def taken(queue: KeyQueue[str]) -> list[str]:
    found = []
    while (key := queue.take()) is not None:
        found.append(key)
    return found


@given(st.lists(st.tuples(st.sampled_from("atd"), st.sampled_from("xyz")), max_size=60))
def test_no_key_is_lost_or_worked_on_twice_at_once(calls: list[tuple[str, str]]) -> None:
    queue: KeyQueue[str] = KeyQueue(nothing)
    wanted: set[str] = set()  # added since its last pass began
    in_work: list[str] = []
    for call, key in calls:
        if call == "a":
            queue.add(key)
            wanted.add(key)
        elif call == "t":
            got = queue.take()
            if got is None:
                assert wanted <= set(in_work)
                continue
            assert got not in in_work and got in wanted
            wanted.discard(got)
            in_work.append(got)
        elif in_work:
            queue.done(in_work.pop(0))
    while in_work:
        queue.done(in_work.pop())
    assert set(taken(queue)) == wanted


def test_first_come_first_served() -> None:
    queue: KeyQueue[str] = KeyQueue(nothing)
    for key in "cabcab":
        queue.add(key)
    assert taken(queue) == ["c", "a", "b"]


def test_timers_that_are_due_at_once_ring_on_every_loop() -> None:
    async def main() -> None:
        rung = asyncio.Event()
        queue: KeyQueue[str] = KeyQueue(rung.set)
        for _ in range(3):
            rung.clear()
            queue.add_after("now", 1e-9)
            await asyncio.wait_for(rung.wait(), 60)
            assert taken(queue) == ["now"]
            queue.done("now")

    for runner in (asyncio.run, loop.run):  # the standard library's, and the one that podo's processes use
        runner(main())


def test_timers_ring_in_order_and_the_earliest_counts() -> None:
    async def main() -> None:
        queue: KeyQueue[str] = KeyQueue(nothing)
        queue.add_after("late", 100)
        queue.add_after("early", 10)
        queue.add_after("late", 50)
        queue.add_after("late", 70)
        assert queue.delayed == 2
        await asyncio.sleep(10)
        assert taken(queue) == ["early"]
        await asyncio.sleep(39.9)
        assert taken(queue) == []
        await asyncio.sleep(0.1)
        assert taken(queue) == ["late"]
        queue.done("late")
        await asyncio.sleep(100)
        assert taken(queue) == []

    run(main())


def test_back_off_doubles_from_5_ms_to_1000_s_until_forgotten() -> None:
    async def main() -> None:
        queue: KeyQueue[str] = KeyQueue(nothing)
        delays = [queue.add_failed("key") for _ in range(25)]
        assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
        assert delays[-1] == 1000
        queue.forget("key")
        assert queue.add_failed("key") == 0.005
        assert queue.add_failed("key", at_least=3) == 3

    run(main())


def test_a_closed_queue_is_empty_and_rings_no_more() -> None:
    async def main() -> None:
        woken = 0

        def wake() -> None:
            nonlocal woken
            woken += 1

        queue: KeyQueue[str] = KeyQueue(wake)
        queue.add_after("key", 1)
        queue.close()
        await asyncio.sleep(5)
        assert (woken, len(queue)) == (0, 0)

    run(main())


def test_a_key_at_rest_is_put_off_and_comes_once() -> None:
    async def main() -> None:
        queue: KeyQueue[str] = KeyQueue(nothing)
        queue.add("many")
        queue.add("few")
        assert taken(queue) == ["many", "few"]
        queue.rest("many", 1.0)
        queue.add("few")
        queue.add("many")  # in work: wanted again
        for key in ("many", "few"):
            queue.done(key)
        queue.add("many")
        queue.add_after("many", 0.5)  # a timer within the rest does not break it
        assert taken(queue) == ["few"]
        await asyncio.sleep(0.9)
        assert taken(queue) == []
        await asyncio.sleep(0.2)
        assert taken(queue) == ["many"]
        queue.done("many")
        queue.add("many")
        assert taken(queue) == ["many"]

    run(main())
