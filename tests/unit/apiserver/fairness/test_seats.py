"""Seats and queues: what levels may take of each other, who goes next, and that nothing is lost or given twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.apiserver.fairness.limits import Limits, Queuing
from podo.apiserver.fairness.queues import FairQueues, Waiting
from podo.apiserver.fairness.seats import Level, Seats

QUEUING = Queuing(queues=8, hand=2, length=4)


def limits(name: str, nominal: int, least: int, most: int = 100, queuing: Queuing | None = QUEUING) -> Limits:
    return Limits(name, "", False, nominal, least, most, queuing)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def seats_of(*each: Limits) -> tuple[Seats, list[Level], Time]:
    time = Time()
    seats = Seats(time)
    seats.configure({one.name: one for one in each})
    return seats, [seats.levels[one.name] for one in each], time


def in_loop(test: Callable[[], None]) -> None:
    async def run() -> None:
        test()

    asyncio.run(run())


def future() -> asyncio.Future[bool]:
    return asyncio.get_running_loop().create_future()


def taken(seats: Seats, level: Level) -> int:
    """As many as there are."""
    count = 0
    while seats.take(level, 1):
        count += 1
    return count


def test_a_level_borrows_at_the_next_adjustment_and_gives_back_when_the_lender_wants() -> None:
    def test() -> None:
        seats, (lender, borrower), time = seats_of(limits("lender", 10, 4), limits("borrower", 6, 6))
        assert (lender.current, borrower.current) == (6, 10)  # nobody has wanted anything: in proportion to the least
        assert taken(seats, borrower) == 10 and seats.wait(borrower, (0,), 1, future())
        time.now = 10.0
        assert seats.adjust() and (lender.current, borrower.current) == (4, 12)  # what is never lent stays
        assert borrower.in_use == 11 and taken(seats, borrower) == 1
        assert taken(seats, lender) == 4
        turns = [future() for _ in range(4)]
        for turn in turns:
            assert seats.wait(lender, (0,), 1, turn)
        time.now = 20.0
        assert seats.adjust() and (lender.current, borrower.current) == (8, 8)  # as much as it was seen to want
        assert all(turn.result() for turn in turns)
        seats.free(borrower, 1)
        assert borrower.in_use == 11 and not seats.take(borrower, 1)  # until it is down to what it has
        time.now = 30.0
        assert seats.adjust() and lender.current >= 8

    in_loop(test)


def test_borrowing_has_a_limit() -> None:
    seats, (_, borrower), time = seats_of(limits("lender", 10, 0), limits("borrower", 5, 5, most=7))
    taken(seats, borrower)
    time.now = 10.0
    seats.adjust()
    taken(seats, borrower)
    assert borrower.current == borrower.in_use == 7


def test_a_rest_is_caught_up_with_as_if_there_had_been_an_adjustment_each_period() -> None:
    each = limits("a", 10, 2), limits("b", 10, 2)
    (one, (a, _), time), (other, (c, _), later) = seats_of(*each), seats_of(*each)
    for seats, level, clock in ((one, a, time), (other, c, later)):
        assert seats.take(level, 7)
        clock.now = 5.0
        seats.free(level, 7)
        clock.now = 10.0
        assert seats.adjust()
    for period in range(2, 40):
        time.now = period * 10.0
        assert not one.adjust()
    later.now = 394.0
    assert other.catch_up() == 6.0
    assert c.demand.observed.smoothed == pytest.approx(a.demand.observed.smoothed)
    assert (c.current, c.demand.observed.peak, c.demand.observed.average) == (a.current, 0, 0)
    assert one.fraction == pytest.approx(other.fraction)


def test_one_that_is_wider_than_the_level_goes_alone() -> None:
    seats, (level,), _ = seats_of(limits("small", 2, 2, most=2))
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
        seats, (level,), _ = seats_of(limits("one", 1, 1, most=1))
        assert seats.take(level, 1)
        entries = [seats.wait(level, (0, 1), 1, future()) for _ in range(9)]
        assert [entry is not None for entry in entries] == [True] * 8 + [False]
        assert seats.wait(level, (2,), 1, future()) is not None

    in_loop(test)


def test_one_that_gave_up_is_passed_over() -> None:
    def test() -> None:
        seats, (level,), _ = seats_of(limits("one", 1, 1, most=1))
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
        seats, (level, other), _ = seats_of(limits("one", 1, 1, most=1), limits("other", 3, 1))
        seats.take(level, 1)
        turn = future()
        seats.wait(level, (0,), 1, turn)
        seats.configure({"other": other.limits})
        assert turn.result() is False
        seats.free(level, 1)
        assert seats.levels.keys() == {"other"} and level.in_use == 0

    in_loop(test)


Steps = st.lists(
    st.tuples(st.sampled_from(["come", "go", "leave", "change", "adjust"]), st.integers(0, 2), st.integers(1, 4)),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(Steps)
def test_nothing_is_lost_or_given_twice(steps: list[tuple[str, int, int]]) -> None:
    """Whatever comes and goes: seats in use are those of the running, no level has less than what it never lends, all
    together have what there is, and in the end everything is free."""

    def test() -> None:
        seats, levels, time = seats_of(limits("a", 6, 2), limits("b", 4, 4, most=8), limits("c", 2, 0))
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
            elif what == "adjust":
                time.now += 10.0
                seats.adjust()
            for went in [one for one in waiting if one[1].turn.done()]:
                waiting.remove(went)
                running.append((went[0], went[1].width))
            assert sum(one.current for one in levels) <= 12 + len(levels)
            for one in levels:
                assert one.current >= one.limits.least
                wanted = one.in_use + sum(entry.width for owner, entry in waiting if owner is one)
                assert one.demand.seats == wanted <= one.demand.peak
                assert one.in_use == sum(width for owner, width in running if owner is one)
                assert one.executing == sum(owner is one for owner, _ in running)
                assert one.waiting == sum(owner is one for owner, _ in waiting)
        while running:
            seats.free(*running.pop())
            for went in [one for one in waiting if one[1].turn.done()]:
                waiting.remove(went)
                running.append((went[0], went[1].width))
        assert not waiting and all(one.in_use == one.executing == one.demand.seats == 0 for one in levels)
        assert all(seats.take(one, one.limits.least or 1) for one in levels)

    in_loop(test)
