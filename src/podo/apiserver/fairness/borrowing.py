"""Which priority level has how many seats for the next ten seconds, by what each was asked for in the last. Pure.

Every level gets at least what it never lends, and what it used of its own; what is left is shared out so that all get
the same part of what they seem to need, within what each may borrow. Source: KEP-1040, "Seat borrowing".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podo.apiserver.fairness.demand import Observed
from podo.apiserver.fairness.limits import Limits, nearest

#: Seconds between two adjustments.
PERIOD = 10.0
_LEAST_TARGET = 0.001
_NEARLY = 1e-7


@dataclass(frozen=True, slots=True)
class Wish:
    """What one level is to get: between ``least`` and ``most``, and in proportion to ``target``."""

    least: float
    most: float
    target: float

    def given(self, fraction: float) -> float:
        return min(self.most, max(self.least, fraction * self.target))


@dataclass(frozen=True, slots=True)
class Adjusted:
    """``seats`` and ``targets`` by the level's name; ``fraction``: the part that all get of what they need."""

    seats: Mapping[str, int]
    targets: Mapping[str, float]
    fraction: float


def adjusted(levels: Mapping[str, tuple[Limits, Observed, int]]) -> Adjusted:
    """Of each level its limits, what it was asked for, and what it has now: it keeps that where the limits of all
    cannot be met."""
    left = sum(limits.nominal for limits, _, _ in levels.values())
    seats: dict[str, int] = {}
    wishes: dict[str, Wish] = {}
    for name, (limits, observed, _) in levels.items():
        if limits.exempt:
            seats[name] = max(limits.least, observed.peak)
            left -= seats[name]
        else:
            wishes[name] = _wish(limits, observed)
    targets = {name: wish.target for name, wish in wishes.items()}
    targets |= {name: max(taken, levels[name][1].smoothed) for name, taken in seats.items()}
    never_lent = sum(levels[name][0].least for name in wishes)
    wanted = sum(wish.least for wish in wishes.values())
    if left > wanted:
        fraction = fair_fraction(left, list(wishes.values()))
        for name, wish in wishes.items():
            seats[name] = levels[name][2] if fraction is None else nearest(wish.given(fraction))
        return Adjusted(seats, targets, fraction or 0.0)
    part = max(0.0, (left - never_lent) / (wanted - never_lent)) if wanted > never_lent else 0.0
    for name, wish in wishes.items():
        least = levels[name][0].least
        seats[name] = least + nearest((wish.least - least) * part)
    return Adjusted(seats, targets, 0.0)


def _wish(limits: Limits, observed: Observed) -> Wish:
    least = max(limits.least, min(limits.nominal, observed.peak))
    return Wish(least, limits.most, max(least, observed.smoothed, _LEAST_TARGET))


def fair_fraction(total: float, wishes: Sequence[Wish]) -> float | None:
    """The one number by which all wishes together get ``total``; None where their bounds do not allow that."""

    def given(fraction: float) -> float:
        return sum(wish.given(fraction) for wish in wishes)

    bounds = sorted({bound / wish.target for wish in wishes for bound in (wish.least, wish.most)})
    if not bounds or given(bounds[0]) > total + _NEARLY or given(bounds[-1]) < total - _NEARLY:
        return None
    place = bisect_left(bounds, total, key=given)
    if place == 0 or place == len(bounds):
        return bounds[min(place, len(bounds) - 1)]
    low, high = bounds[place - 1], bounds[place]
    return low + (high - low) * (total - given(low)) / (given(high) - given(low))
