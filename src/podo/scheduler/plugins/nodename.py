"""NodeName: a pod that names its node goes there or nowhere."""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

_REASON = Reason("NodeName", "node(s) didn't match the requested node name", unresolvable=True)


class NodeName:
    name = "NodeName"
    wide = False
    amounts_only = False
    wakes = frozenset({ClusterEvent.NODE_ADDED})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not pod.node_name:
            return None
        mask = np.zeros(snapshot.capacity, dtype=bool)
        row = snapshot.row_of.get(pod.node_name)
        if row is not None:
            mask[row] = True
        return mask[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_REASON,)
