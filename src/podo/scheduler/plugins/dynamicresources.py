"""DynamicResources: a pod that uses ResourceClaims goes where the devices of its claims are, or can be had.

Which devices a claim gets on a node is decided in ``scheduler.devices``; ``scheduler.claimbinder`` writes it down.
"""

from __future__ import annotations

import json
from functools import partial

import numpy as np

from podo.api.kind import Obj
from podo.scheduler.devices.podclaims import Demands, concerned, demands
from podo.scheduler.devices.reach import selected
from podo.scheduler.devices.verdicts import NONE_FREE, Verdict, problem_of
from podo.scheduler.plugins.contract import ClusterEvent, Only
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Numbers, Rows, Snapshot

NAME = "DynamicResources"
_ELSEWHERE = Reason(NAME, "resourceclaim not available on the node", unresolvable=True)
_NONE_FREE = Reason(NAME, NONE_FREE, unresolvable=True)


class DynamicResources:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset({ClusterEvent.DEVICES_CHANGED, ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS})

    def only(self, pod: PodInfo, snapshot: Snapshot) -> Only | None:
        problem = demands(pod, snapshot.devices).problem if concerned(pod, snapshot.devices) else ""
        return (frozenset(), Reason(NAME, problem, unresolvable=True, everywhere=True)) if problem else None

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not concerned(pod, snapshot.devices):
            return None
        asked = demands(pod, snapshot.devices)
        if asked.problem:
            return np.zeros(snapshot.capacity, dtype=bool)[rows]
        mask: Mask = snapshot.present.copy()
        for _, selector in asked.selectors:
            mask &= _reached(selector, snapshot)
        if asked.asks:
            mask &= _verdict(asked, snapshot).fits
        return mask[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        asked = demands(pod, snapshot.devices)
        if not all(_reached(selector, snapshot)[row] for _, selector in asked.selectors):
            return (_ELSEWHERE,)
        if not _verdict(asked, snapshot).problems[row]:
            return (_NONE_FREE,)
        return (Reason(NAME, problem_of(snapshot.devices, list(asked.asks), snapshot.node(row)), unresolvable=True),)

    def score(self, pod: PodInfo, snapshot: Snapshot, feasible: Mask) -> Numbers | None:
        """Nodes that satisfy earlier alternatives of a claim's requests are better."""
        if not concerned(pod, snapshot.devices):
            return None
        asked = demands(pod, snapshot.devices)
        if asked.problem or not asked.asks:
            return None
        points = _verdict(asked, snapshot).points
        most = int(points.max(initial=0, where=feasible))
        return points * 100 // most if most else None


def _verdict(asked: Demands, snapshot: Snapshot) -> Verdict:
    return snapshot.verdicts.of(asked.key, list(asked.asks))


def _reached(selector: Obj, snapshot: Snapshot) -> Mask:
    key = ("devices", json.dumps(selector, sort_keys=True))
    return snapshot.derived(key, partial(selected, selector), bool)
