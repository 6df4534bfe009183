"""A decision in which extenders have a say: plug-ins first, then the webhooks, then the best of what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from podo.api.kind import Obj
from podo.scheduler.cycle import Cycle, Pick, Placement
from podo.scheduler.extenders import ExtenderFailed, Extenders
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import NO_CANDIDATES, Refusal
from podo.scheduler.snapshot import Snapshot
from podo.scheduler.victims import Victims, cheapest


async def place(
    pod: PodInfo, cycle: Cycle, snapshot: Snapshot, extenders: Extenders, nodes: Mapping[str, Obj], pick: Pick
) -> Placement | Refusal:
    """``nodes``: the objects, by name. Raises ExtenderFailed. The caller assumes the pod before anything else happens:
    while the webhooks are asked, no other pod is decided for."""
    scores = cycle.scores(pod)
    points = {snapshot.node(int(row)).name: int(scores[row]) for row in np.flatnonzero(scores >= 0)}
    if not points:
        return cycle.refusal(pod)
    left, refused = await extenders.judge(pod, points, nodes)
    left = {name: score for name, score in left.items() if name in snapshot.row_of}
    if not left:
        reasons = {**cycle.refusal(pod).reasons, **refused}
        return Refusal(len(snapshot), reasons, Counter(reason for each in reasons.values() for reason in each))
    most = max(left.values())
    best = sorted(name for name, score in left.items() if score == most)
    return Placement(best[pick(len(best))])


async def make_room(
    pod: PodInfo, cycle: Cycle, snapshot: Snapshot, extenders: Extenders, refusal: Refusal, first: int
) -> tuple[Victims | None, Refusal]:
    """As ``Cycle.make_room``; the webhooks say which of the candidates are left, and who would have to go there."""
    candidates, refusal = cycle.candidates(pod, refusal, first)
    if not candidates:
        return None, refusal
    try:
        left = await extenders.spare(pod, candidates, snapshot)
    except ExtenderFailed as failure:
        return None, replace(refusal, preemption=str(failure))
    if not left:
        return None, replace(refusal, preemption=NO_CANDIDATES)
    return cheapest(left), refusal
