"""VolumeZone: a volume that is labelled with a zone or region is used from nodes of that zone or region."""

from __future__ import annotations

import numpy as np

from podo.api.kind import Obj
from podo.api.meta import labels_of
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, NodeInfo, Rows, Snapshot
from podo.scheduler.volumeplan import needs

NAME = "VolumeZone"
_ELSEWHERE = Reason(NAME, "node(s) had no available volume zone", unresolvable=True)
_OLD, _NEW = "failure-domain.beta.kubernetes.io", "topology.kubernetes.io"
_KEYS = tuple(f"{domain}/{what}" for domain in (_NEW, _OLD) for what in ("zone", "region"))
#: A volume may be in several zones: their names with this between.
_BETWEEN = "__"


class VolumeZone:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset(
        {ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS}
        | {ClusterEvent.CLAIM_CHANGED, ClusterEvent.VOLUME_CHANGED, ClusterEvent.STORAGE_CLASS_CHANGED}
    )

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not pod.claims:
            return None
        masks = [_column(zones, snapshot) for each in needs(pod, snapshot.storage).have if (zones := _zones(each))]
        if not masks:
            return None
        whole: Mask = np.logical_and.reduce(masks)
        return whole[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_ELSEWHERE,)


def _zones(volume: Obj) -> tuple[tuple[str, str], ...]:
    labels = labels_of(volume)
    return tuple((key, labels[key]) for key in _KEYS if key in labels)


def _column(zones: tuple[tuple[str, str], ...], snapshot: Snapshot) -> Mask:
    def make(node: NodeInfo) -> bool:
        if not any(key in node.labels for key in _KEYS):
            return True  # a cluster without zones
        return all(_place(key, node) in value.split(_BETWEEN) for key, value in zones)

    return snapshot.derived(("volume zones", zones), make, bool)


def _place(key: str, node: NodeInfo) -> str | None:
    """Where the node is; a volume may still have the old name of the label."""
    found = node.labels.get(key)
    return node.labels.get(key.replace(_OLD, _NEW)) if found is None else found
