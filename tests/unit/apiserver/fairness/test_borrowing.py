"""How seats are shared out: by what was asked for, within what levels lend and may borrow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.apiserver.fairness.borrowing import Wish, adjusted, fair_fraction
from podo.apiserver.fairness.demand import Observed, SeatDemand
from podo.apiserver.fairness.limits import Limits


def limits(nominal: int, least: int, most: int = 1000, exempt: bool = False) -> Limits:
    return Limits("x", "", exempt, nominal, least, most)


def asked(peak: int, smoothed: float) -> Observed:
    return Observed(smoothed, 0.0, peak, smoothed)


def test_demand_is_weighted_by_time() -> None:
    demand = SeatDemand(100.0)
    demand.change(4, 102.0)
    demand.change(-4, 107.0)
    demand.end_period(110.0)
    seen = demand.observed
    assert (seen.average, seen.deviation, seen.peak) == (2.0, 2.0, 4) and seen.smoothed == 4.0
    demand.end_period(120.0)
    assert demand.observed == Observed(0.0, 0.0, 0, 4.0 * 0.977)
    demand.change(3, 120.0)
    demand.end_period(120.0)  # the configuration has changed at once: nothing was seen but the peak
    assert demand.observed == Observed(0.0, 0.0, 3, 4.0 * 0.977)
    assert demand.peak == 3


def test_who_needs_more_gets_more_in_the_same_proportion() -> None:
    levels = {
        "busy": (limits(20, 10), asked(40, 60.0), 20),
        "idle": (limits(20, 5), asked(0, 0.0), 20),
        "tight": (limits(20, 20, most=20), asked(30, 30.0), 20),
    }
    found = adjusted(levels)
    assert found.seats == {"busy": 35, "idle": 5, "tight": 20}
    assert found.targets["busy"] == 60.0 and found.fraction == pytest.approx(35 / 60)


def test_the_exempt_take_first() -> None:
    levels = {
        "exempt": (limits(0, 0, exempt=True), asked(10, 2.0), 0),
        "a": (limits(20, 10), asked(20, 20.0), 20),
        "b": (limits(20, 10), asked(20, 20.0), 20),
    }
    assert adjusted(levels).seats == {"exempt": 10, "a": 15, "b": 15}
    levels["exempt"] = (limits(0, 0, exempt=True), asked(99, 99.0), 0)
    found = adjusted(levels)
    assert found.seats == {"exempt": 99, "a": 10, "b": 10} and found.fraction == 0.0


def test_limits_that_cannot_be_met_leave_all_as_it_is() -> None:
    levels = {"a": (limits(20, 10, most=20), asked(5, 5.0), 17), "b": (limits(20, 0, most=19), asked(0, 0.0), 18)}
    assert adjusted(levels).seats == {"a": 17, "b": 18}
    assert adjusted({}).seats == {}


Wishes = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0.001, 100)).map(
        lambda drawn: Wish(drawn[0], drawn[0] + drawn[1], max(drawn[0], drawn[2]))
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(Wishes, st.integers(0, 400))
def test_all_is_given_and_nobody_is_treated_differently(wishes: list[Wish], total: int) -> None:
    least, most = sum(wish.least for wish in wishes), sum(wish.most for wish in wishes)
    fraction = fair_fraction(total, wishes)
    if not least <= total <= most:
        assert fraction is None
        return
    assert fraction is not None
    given = [wish.given(fraction) for wish in wishes]
    assert sum(given) == pytest.approx(total, abs=1e-5)
    assert all(wish.least <= seats <= wish.most for wish, seats in zip(wishes, given, strict=True))
