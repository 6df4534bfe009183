"""VolumeBinding: a pod waits until each of its claims is there and bound. Volumes are not yet bound by the scheduler
itself, so a claim of a class that waits for its first consumer waits, too.
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

NAME = "VolumeBinding"
_UNBOUND = Reason(NAME, "pod has unbound immediate PersistentVolumeClaims", unresolvable=True, everywhere=True)


class VolumeBinding:
    name = NAME
    wide = True
    wakes = frozenset({ClusterEvent.CLAIM_CHANGED})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if all(snapshot.claims.get((pod.namespace, claim)) for claim in pod.claims):
            return None
        return np.zeros(snapshot.capacity, dtype=bool)[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        for claim in pod.claims:
            if (pod.namespace, claim) not in snapshot.claims:
                text = f'persistentvolumeclaim "{claim}" not found'
                return (Reason(NAME, text, unresolvable=True, everywhere=True),)
        return (_UNBOUND,)
