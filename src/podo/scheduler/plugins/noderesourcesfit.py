"""NodeResourcesFit: what a pod requests must be free on the node; nodes with more left over are better
(LeastAllocated).
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent, Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import CPU, MEMORY, PODS, Mask, Numbers, Rows, Snapshot


class NodeResourcesFit:
    name = "NodeResourcesFit"
    wide = False
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_ALLOCATABLE, ClusterEvent.POD_REMOVED})
    normal = Normal.NONE

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        requested, allocatable = snapshot.requested, snapshot.allocatable
        mask: Mask = requested[PODS, rows] < allocatable[PODS, rows]
        for name, amount in pod.requests.items():
            index = snapshot.resources.get(name)
            if amount and index is None:  # no node has ever had any
                mask[:] = False
            elif amount:
                mask &= requested[index, rows] + amount <= allocatable[index, rows]
        return mask

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        found = []
        if snapshot.requested[PODS, row] >= snapshot.allocatable[PODS, row]:
            found.append(Reason(self.name, "Too many pods"))
        for name, amount in pod.requests.items():
            index = snapshot.resources.get(name)
            allocatable = snapshot.allocatable[index, row] if index is not None else 0
            used = snapshot.requested[index, row] if index is not None else 0
            if amount and used + amount > allocatable:
                found.append(Reason(self.name, f"Insufficient {name}", unresolvable=bool(amount > allocatable)))
        return tuple(found)

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        cpu, memory = snapshot.allocatable[CPU, rows], snapshot.allocatable[MEMORY, rows]
        parts = _left_over(cpu, snapshot.scored[0, rows] + pod.scored[0])
        parts += _left_over(memory, snapshot.scored[1, rows] + pod.scored[1])
        # A resource that the node does not have is left out of the mean.
        return parts // np.where((cpu == 0) | (memory == 0), 1, 2)


def _left_over(whole: Numbers, used: Numbers) -> Numbers:
    """Hundredths of the whole that are left; 0 where more than all is used, or there is none."""
    left: Numbers = np.maximum(whole - used, 0) * 100 // np.maximum(whole, 1)
    return left
