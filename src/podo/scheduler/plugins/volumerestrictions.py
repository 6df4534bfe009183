"""VolumeRestrictions: a claim with the access mode ReadWriteOncePod is used by one pod at a time."""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

NAME = "VolumeRestrictions"
_IN_USE = Reason(NAME, "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")


class VolumeRestrictions:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset({ClusterEvent.POD_REMOVED, ClusterEvent.CLAIM_CHANGED})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        for name in pod.claims:
            key = (pod.namespace, name)
            claim = snapshot.storage.claim(key)
            modes = ((claim or {}).get("spec") or {}).get("accessModes") or ()
            if "ReadWriteOncePod" in modes and snapshot.storage.users(key):
                return np.zeros(snapshot.capacity, dtype=bool)[rows]
        return None

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_IN_USE,)
