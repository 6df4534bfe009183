"""VolumeRestrictions: a claim with the access mode ReadWriteOncePod is used by one pod at a time; a disk that pods name
themselves (gcePersistentDisk, awsElasticBlockStore, iscsi, rbd) by one on each node, unless all only read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from podo.api.kind import Obj
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

NAME = "VolumeRestrictions"
_IN_USE = Reason(NAME, "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")
_NO_DISK = Reason(NAME, "node(s) had no available disk")


class VolumeRestrictions:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset({ClusterEvent.POD_REMOVED, ClusterEvent.CLAIM_CHANGED})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if _claim_in_use(pod, snapshot):
            return np.zeros(snapshot.capacity, dtype=bool)[rows]
        if not any(_disks(pod.obj)):
            return None
        mask: Mask = np.ones(snapshot.capacity, dtype=bool)
        for other, node_name in snapshot.pods().values():
            if (row := snapshot.row_of.get(node_name)) is not None and want_one_disk(pod.obj, other.obj):
                mask[row] = False
        return mask[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_IN_USE if _claim_in_use(pod, snapshot) else _NO_DISK,)


def _claim_in_use(pod: PodInfo, snapshot: Snapshot) -> bool:
    for name in pod.claims:
        key = (pod.namespace, name)
        claim = snapshot.storage.claim(key)
        modes = ((claim or {}).get("spec") or {}).get("accessModes") or ()
        if "ReadWriteOncePod" in modes and snapshot.storage.users(key):
            return True
    return False


def want_one_disk(pod: Obj, other: Obj) -> bool:
    """Do two pods name a disk that one of them must have for itself?"""
    pairs = product(_disks(pod), _disks(other))
    return any(names & others and not (reads and only) for (names, reads), (others, only) in pairs)


def _disks(pod: Obj) -> Iterator[tuple[frozenset[tuple[str, ...]], bool]]:
    """The names of each disk, any of which another may know it by; and whether it is only read together with others
    (an EBS volume is attached once, however it is used)."""
    for volume in pod["spec"].get("volumes") or ():
        if disk := volume.get("gcePersistentDisk"):
            yield frozenset({("gce", str(disk.get("pdName")))}), bool(disk.get("readOnly"))
        elif disk := volume.get("awsElasticBlockStore"):
            yield frozenset({("aws", str(disk.get("volumeID")))}), False
        elif disk := volume.get("iscsi"):
            yield frozenset({("iscsi", str(disk.get("iqn")))}), bool(disk.get("readOnly"))
        elif disk := volume.get("rbd"):
            image = (str(disk.get("pool") or "rbd"), str(disk.get("image")))
            monitors = disk.get("monitors") or ()
            yield frozenset(("rbd", str(monitor), *image) for monitor in monitors), bool(disk.get("readOnly"))
