"""Seats and queues: what levels may take of each other, who goes next, and that nothing is lost or given twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from podo.apiserver.fairness.limits import Limits, Queuing
from podo.apiserver.fairness.queues import FairQueues, Waiting
from podo.apiserver.fairness.seats import Level, Seats

QUEUING = Queuing(queues=8, hand=2, length=4)


def limits(name: str, nominal: int, least: int, most: int = 100, queuing: Queuing | None = QUEUING) -> Limits:
    return Limits(name, "", False, nominal, least, most, queuing)


def seats_of(*each: Limits) -> tuple[Seats, list[Level]]:
    seats = Seats()
    seats.configure({one.name: one for one in each})
    return seats, [seats.levels[one.name] for one in each]


def in_loop(test: Callable[[], None]) -> None:
    async def run() -> None:
        test()

    asyncio.run(run())


def future() -> asyncio.Future[bool]:
    return asyncio.get_running_loop().create_future()


def test_a_level_borrows_what_others_lend_and_no_more() -> None:
    seats, (lender, borrower) = seats_of(limits("lender", 10, 4), limits("borrower", 5, 5))
    taken = 0
    while seats.take(borrower, 1):
        taken += 1
    assert taken == 5 + 6  # its own, and what the other may lend
    for _ in range(4):
        assert seats.take(lender, 1)  # what it never lends is there at once
    assert not seats.take(lender, 1)
    seats.free(borrower, 1)
    assert seats.take(lender, 1) and not seats.take(borrower, 1)


def test_borrowing_has_a_limit() -> None:
    seats, (_, borrower) = seats_of(limits("lender", 10, 0), limits("borrower", 5, 5, most=7))
    assert [seats.take(borrower, 1) for _ in range(9)] == [True] * 7 + [False] * 2


def test_one_that_is_wider_than_the_level_goes_alone() -> None:
    seats, (level,) = seats_of(limits("small", 2, 2, most=2))
    assert seats.take(level, 10) and not seats.take(level, 1)
    seats.free(level, 10)
    assert seats.take(level, 1) and level.in_use == 1


def test_queues_are_served_in_turns_not_in_order_of_arrival() -> None:
    def test() -> None:
        queues = FairQueues(Queuing(queues=4, hand=1, length=50))
        loud = [queues.join((0,), 1, future()) for _ in range(20)]
        quiet = queues.join((1,), 1, future())
        assert all(loud) and quiet
        order = []
        while (entry := queues.first()) is not None:
            queues.take(entry)
            order.append(entry.queue)
        assert order.index(1) <= 1 and len(order) == 21

    in_loop(test)


def test_a_wide_request_is_counted_as_many() -> None:
    def test() -> None:
        queues = FairQueues(Queuing(queues=4, hand=1, length=50))
        for _ in range(10):
            queues.join((0,), 5, future())
            queues.join((1,), 1, future())
        served = {0: 0, 1: 0}
        for _ in range(12):
            entry = queues.first()
            assert entry
            queues.take(entry)
            served[entry.queue] += 1
        assert served == {0: 2, 1: 10}

    in_loop(test)


def test_full_queues_refuse_and_a_short_one_is_joined() -> None:
    def test() -> None:
        seats, (level,) = seats_of(limits("one", 1, 1, most=1))
        assert seats.take(level, 1)
        entries = [seats.wait(level, (0, 1), 1, future()) for _ in range(9)]
        assert [entry is not None for entry in entries] == [True] * 8 + [False]
        assert seats.wait(level, (2,), 1, future()) is not None

    in_loop(test)


def test_the_level_that_has_least_of_its_own_goes_first() -> None:
    def test() -> None:
        seats, (rich, poor) = seats_of(limits("rich", 10, 0), limits("poor", 10, 0))
        for _ in range(18):
            assert seats.take(rich, 1)
        for _ in range(2):
            assert seats.take(poor, 1)
        turns = [future() for _ in range(2)]
        seats.wait(rich, (0, 1), 1, turns[0])
        seats.wait(poor, (0, 1), 1, turns[1])
        seats.free(rich, 1)
        assert [turn.done() for turn in turns] == [False, True]

    in_loop(test)


def test_one_that_gave_up_is_passed_over() -> None:
    def test() -> None:
        seats, (level,) = seats_of(limits("one", 1, 1, most=1))
        seats.take(level, 1)
        gone, next_one = future(), future()
        entry = seats.wait(level, (0,), 1, gone)
        seats.wait(level, (0,), 1, next_one)
        gone.cancel()  # its task has not run yet
        seats.free(level, 1)
        assert next_one.result() and level.waiting == 0 and entry
        seats.give_up(level, entry)
        assert level.in_use == 1

    in_loop(test)


def test_a_level_that_goes_refuses_who_waits() -> None:
    def test() -> None:
        seats, (level, other) = seats_of(limits("one", 1, 1, most=1), limits("other", 3, 1))
        seats.take(level, 1)
        turn = future()
        seats.wait(level, (0,), 1, turn)
        seats.configure({"other": other.limits})
        assert turn.result() is False
        seats.free(level, 1)
        assert seats.levels.keys() == {"other"} and level.in_use == 0

    in_loop(test)


Steps = st.lists(
    st.tuples(st.sampled_from(["come", "go", "leave", "change"]), st.integers(0, 2), st.integers(1, 4)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(Steps)
def test_nothing_is_lost_or_given_twice(steps: list[tuple[str, int, int]]) -> None:
    """Whatever comes and goes: seats in use are those of the running, the pool is never overdrawn but by a level's only
    request, and in the end everything is free."""

    def test() -> None:
        seats, levels = seats_of(limits("a", 6, 2), limits("b", 4, 4, most=8), limits("c", 2, 0))
        running: list[tuple[Level, int]] = []
        waiting: list[tuple[Level, Waiting]] = []
        for what, which, width in steps:
            level = levels[which]
            if what == "come" and seats.take(level, width):
                running.append((level, width))
            elif what == "come":
                entry = seats.wait(level, (which, 7), width, future())
                if entry:
                    waiting.append((level, entry))
            elif what == "go" and running:
                seats.free(*running.pop(which % len(running)))
            elif what == "leave" and waiting:
                left, entry = waiting.pop(which % len(waiting))
                seats.give_up(left, entry)
            elif what == "change":
                each = (limits("a", 6, width), limits("b", 4, 4, most=4 + width), limits("c", 2, 0))
                seats.configure({one.name: one for one in each})
            for went in [one for one in waiting if one[1].turn.done()]:
                waiting.remove(went)
                running.append((went[0], went[1].width))
            for one in levels:
                assert one.in_use == sum(width for owner, width in running if owner is one)
                assert one.executing == sum(owner is one for owner, _ in running)
                assert one.waiting == sum(owner is one for owner, _ in waiting)
        while running:
            seats.free(*running.pop())
            for went in [one for one in waiting if one[1].turn.done()]:
                waiting.remove(went)
                running.append((went[0], went[1].width))
        assert not waiting and all(one.in_use == 0 and one.executing == 0 for one in levels)
        assert all(seats.take(one, one.limits.least or 1) for one in levels)

    in_loop(test)
