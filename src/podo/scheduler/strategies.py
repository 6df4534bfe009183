"""How NodeResourcesFit scores a node by the share of each resource that would be in use: the less the better, the more
the better, or by a curve. All whole numbers from 0 to 100, as upstream counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from podo.scheduler.noderows import Numbers

#: (name, weight)
Weighted = tuple[str, int]
DEFAULT_RESOURCES: tuple[Weighted, ...] = (("cpu", 1), ("memory", 1))
#: Given what would be used and what there is (more than 0) of a resource, points for each row.
Points = Callable[[Numbers, Numbers], Numbers]


@dataclass(frozen=True, slots=True)
class Strategy:
    """``only_positive``: a resource without points is left out of the mean, which is rounded (as the curve does)."""

    points: Points
    resources: tuple[Weighted, ...] = DEFAULT_RESOURCES
    only_positive: bool = False


def least_allocated(used: Numbers, whole: Numbers) -> Numbers:
    points: Numbers = np.maximum(whole - used, 0) * 100 // whole
    return points


def most_allocated(used: Numbers, whole: Numbers) -> Numbers:
    points: Numbers = np.minimum(used, whole) * 100 // whole
    return points


def by_curve(shape: Sequence[tuple[int, int]]) -> Points:
    """RequestedToCapacityRatio. ``shape``: (utilization in percent, score from 0 to 10), rising by utilization; in
    between the score is on a straight line, rounded towards zero."""
    curve = [_on_curve(percent, [(at, score * 10) for at, score in shape]) for percent in range(101)]
    table = np.array(curve, dtype=np.int64)

    def points(used: Numbers, whole: Numbers) -> Numbers:
        found: Numbers = table[np.where(used > whole, 100, np.minimum(used * 100 // whole, 100))]
        return found

    return points


def _on_curve(percent: int, shape: Sequence[tuple[int, int]]) -> int:
    for index, (at, score) in enumerate(shape):
        if percent <= at:
            if index == 0:
                return score
            before_at, before = shape[index - 1]
            return before + int((score - before) * (percent - before_at) / (at - before_at))
    return shape[-1][1]


LEAST_ALLOCATED = Strategy(least_allocated)
