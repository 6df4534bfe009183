"""One scheduling decision: which node gets the pod, or why none can.

Pure: the caller gives the snapshot and breaks ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from podo.scheduler.plugins import FILTERS, SCORES
from podo.scheduler.plugins.contract import Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason, Refusal
from podo.scheduler.snapshot import Mask, Numbers, Snapshot

#: Given n, an int in [0, n): which of n equally good nodes.
Pick = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Placement:
    node_name: str


def decide(pod: PodInfo, snapshot: Snapshot, pick: Pick) -> Placement | Refusal:
    """The best feasible node, by ``pick`` among equals, or the refusal of all."""
    feasible = feasible_rows(pod, snapshot)
    rows = np.flatnonzero(feasible)
    if not len(rows):
        return refusal(pod, snapshot)
    best = rows
    if len(rows) > 1:
        totals = total_scores(pod, snapshot, feasible)[rows]
        best = rows[totals == totals.max()]
    row = int(best[pick(len(best))]) if len(best) > 1 else int(best[0])
    return Placement(snapshot.node(row).name)


def feasible_rows(pod: PodInfo, snapshot: Snapshot) -> Mask:
    """True in the rows whose node passes every filter."""
    mask = snapshot.present.copy()
    for plugin in FILTERS:
        passed = plugin.fits(pod, snapshot)
        if passed is not None:
            mask &= passed
    return mask


def total_scores(pod: PodInfo, snapshot: Snapshot, feasible: Mask) -> Numbers:
    """The weighted sum of all scores by row; meaningful in feasible rows only."""
    total = np.zeros(snapshot.capacity, dtype=np.int64)
    for plugin in SCORES:
        raw = plugin.score(pod, snapshot)
        if raw is not None:
            total += plugin.weight * normalized(raw, plugin.normal, feasible)
    return total


def normalized(raw: Numbers, normal: Normal, feasible: Mask) -> Numbers:
    """Raw scores on the scale of 0 to 100."""
    if normal is Normal.NONE:
        return raw
    most = int(raw[feasible].max(initial=0))
    if not most:
        return np.full_like(raw, 100 if normal is Normal.DOWN else 0)
    shares = raw * 100 // most
    return 100 - shares if normal is Normal.DOWN else shares


def refusal(pod: PodInfo, snapshot: Snapshot) -> Refusal:
    """Asks the filters again, in order, for the reasons of every node."""
    reasons: list[tuple[Reason, ...]] = []
    left = snapshot.present.copy()
    for plugin in FILTERS:
        passed = plugin.fits(pod, snapshot)
        if passed is None:
            continue
        reasons.extend(plugin.why(pod, snapshot, int(row)) for row in np.flatnonzero(left & ~passed))
        left &= passed
    return Refusal(len(snapshot), tuple(reasons), pod.preempts)
