"""One scheduling decision: which node gets the pod, or why none can.

Pure: the caller gives the snapshot and breaks ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from podo.scheduler.boards import Boards
from podo.scheduler.plugins import FILTERS
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason, Refusal
from podo.scheduler.snapshot import EVERY, Snapshot

#: Given n, an int in [0, n): which of n equally good nodes.
Pick = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Placement:
    node_name: str


def decide(pod: PodInfo, snapshot: Snapshot, boards: Boards, pick: Pick) -> Placement | Refusal:
    """The best feasible node, by ``pick`` among equals, or the refusal of all. ``boards`` belong to ``snapshot``."""
    scores = boards.scores(pod)
    most = scores.max(initial=-1)
    if most < 0:
        return refusal(pod, snapshot)
    best = np.flatnonzero(scores == most)
    row = best[pick(len(best))] if len(best) > 1 else best[0]
    return Placement(snapshot.node(int(row)).name)


def refusal(pod: PodInfo, snapshot: Snapshot) -> Refusal:
    """Asks the filters again, in order, for the reasons of every node."""
    reasons: list[tuple[Reason, ...]] = []
    left = snapshot.present.copy()
    for plugin in FILTERS:
        passed = plugin.fits(pod, snapshot, EVERY)
        if passed is None:
            continue
        reasons.extend(plugin.why(pod, snapshot, int(row)) for row in np.flatnonzero(left & ~passed))
        left &= passed
    return Refusal(len(snapshot), tuple(reasons), pod.preempts)
