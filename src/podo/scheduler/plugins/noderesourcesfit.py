"""NodeResourcesFit: what a pod requests must be free on the node; nodes with more left over are better
(LeastAllocated).
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent, Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import CPU, MEMORY, PODS, Mask, Numbers, Snapshot


class NodeResourcesFit:
    name = "NodeResourcesFit"
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_ALLOCATABLE, ClusterEvent.POD_REMOVED})
    weight = 1
    normal = Normal.NONE

    def fits(self, pod: PodInfo, snapshot: Snapshot) -> Mask | None:
        mask: Mask = snapshot.requested[PODS] < snapshot.allocatable[PODS]
        for name, amount in pod.requests.items():
            if amount:
                index = snapshot.resource(name)
                mask &= snapshot.requested[index] + amount <= snapshot.allocatable[index]
        return mask

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        found = []
        if snapshot.requested[PODS, row] >= snapshot.allocatable[PODS, row]:
            found.append(Reason(self.name, "Too many pods"))
        for name, amount in pod.requests.items():
            index = snapshot.resource(name)
            allocatable = snapshot.allocatable[index, row]
            if amount and snapshot.requested[index, row] + amount > allocatable:
                found.append(Reason(self.name, f"Insufficient {name}", unresolvable=bool(amount > allocatable)))
        return tuple(found)

    def score(self, pod: PodInfo, snapshot: Snapshot) -> Numbers | None:
        total = np.zeros(snapshot.capacity, dtype=np.int64)
        counted = np.zeros(snapshot.capacity, dtype=np.int64)
        for index, resource in enumerate((CPU, MEMORY)):
            whole = snapshot.allocatable[resource]
            left = whole - snapshot.scored[index] - pod.scored[index]
            total += np.maximum(left, 0) * 100 // np.maximum(whole, 1)
            counted += whole > 0
        return total // np.maximum(counted, 1)
