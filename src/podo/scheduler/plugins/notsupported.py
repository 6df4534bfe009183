"""What a pod may demand of its place that this scheduler cannot judge yet: such a pod waits and says why.

Placing it anyway would break a promise that its author relies on. What is only preferred is left out of the scores.
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

NAME = "NotSupported"


class NotSupported:
    name = NAME
    wakes: frozenset[ClusterEvent] = frozenset()

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        return np.zeros(snapshot.capacity, dtype=bool)[rows] if pod.unsupported else None

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        text = f"pod demands {pod.unsupported}, which this scheduler does not support yet"
        return (Reason(NAME, text, unresolvable=True, everywhere=True),)
