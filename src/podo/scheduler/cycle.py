"""One scheduling decision: which node gets the pod, or why none can, and who would have to go for it.

Pure: the caller gives the snapshot and breaks ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from podo.scheduler.boards import Boards
from podo.scheduler.devices.references import uses_claims
from podo.scheduler.plugins.dynamicresources import NAME as DYNAMIC_RESOURCES
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.preemption import Preemption
from podo.scheduler.profile import Profile
from podo.scheduler.reasons import Refusal
from podo.scheduler.refusals import Refusals
from podo.scheduler.snapshot import Numbers, Snapshot
from podo.scheduler.victims import Victims, cheapest

#: Given n, an int in [0, n): which of n equally good nodes.
Pick = Callable[[int], int]
#: What is said where no claim of the pod could be freed, and where it uses none.
_STILL, _NO_CLAIMS = "still not schedulable", "no new claims to deallocate"


@dataclass(frozen=True, slots=True)
class Placement:
    node_name: str


class Cycle:
    """The decisions of one profile over one snapshot; what it remembers makes the next one cheap."""

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self.profile = profile
        self._snapshot = snapshot
        self._boards = Boards(snapshot, profile)
        self._refusals = Refusals(snapshot, profile)
        self._preemption = Preemption(snapshot, profile)
        self._frees_claims = any(each.name == DYNAMIC_RESOURCES for each in profile.filters)

    def scores(self, pod: PodInfo) -> Numbers:
        """Total scores by row, up to a constant; below 0 where the node refuses. Not to be changed."""
        return self._boards.scores(pod)

    def place(self, pod: PodInfo, pick: Pick) -> Placement | Refusal:
        """The best feasible node, by ``pick`` among equals, or the refusal of all. The node that has been cleared for
        the pod comes first."""
        scores = self._boards.scores(pod)
        cleared = self._snapshot.row_of.get(pod.nominated) if pod.nominated else None
        if cleared is not None and scores[cleared] >= 0:
            return Placement(pod.nominated)
        most = scores.max(initial=-1)
        if most < 0:
            return self._refusals.of(pod)
        best = np.flatnonzero(scores == most)
        row = best[pick(len(best))] if len(best) > 1 else best[0]
        return Placement(self._snapshot.node(int(row)).name)

    def refusal(self, pod: PodInfo) -> Refusal:
        """Why each node refuses the pod that does."""
        return self._refusals.of(pod)

    def make_room(self, pod: PodInfo, refusal: Refusal, first: int = 0) -> tuple[Victims | None, Refusal]:
        """Who should go so that the refused pod fits, and the refusal with what came of it. ``first``: any number;
        which nodes are looked at first."""
        candidates, refusal = self.candidates(pod, refusal, first)
        return cheapest(candidates), refusal

    def candidates(self, pod: PodInfo, refusal: Refusal, first: int = 0) -> tuple[list[Victims], Refusal]:
        """All nodes that were found where others could go, to choose from."""
        said = (
            replace(refusal, claims=_STILL if uses_claims(pod.obj) else _NO_CLAIMS) if self._frees_claims else refusal
        )
        if not self.profile.preempts or not refusal.nodes:
            return [], said
        found = self._preemption.find(pod, said, first)
        if isinstance(found, str):
            return [], replace(said, preemption=found)
        return found, replace(said, claims="")
