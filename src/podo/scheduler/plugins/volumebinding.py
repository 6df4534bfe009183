"""VolumeBinding: a pod goes where the volumes of its claims can be used, or found, or made. Claims that wait for their
first consumer are bound when a node is chosen; others must be bound before.
"""

from __future__ import annotations

import json

import numpy as np

from podo.api.kind import Obj
from podo.scheduler.plugins.contract import ClusterEvent, Only
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot
from podo.scheduler.volumeplan import (
    Needs,
    can_provision,
    candidates,
    has_capacity,
    needs,
    plan,
    promised,
    reach,
    topologies,
    tracks_capacity,
)

NAME = "VolumeBinding"
_NOWHERE = Reason(NAME, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", unresolvable=True)
_ELSEWHERE = Reason(NAME, "node(s) didn't match PersistentVolume's node affinity", unresolvable=True)
_NONE_FREE = Reason(NAME, "node(s) didn't find available persistent volumes to bind", unresolvable=True)
_FULL = Reason(NAME, "node(s) did not have enough free storage", unresolvable=True)


class VolumeBinding:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset(
        {ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS, ClusterEvent.CLAIM_CHANGED, ClusterEvent.VOLUME_CHANGED}
        | {ClusterEvent.STORAGE_CLASS_CHANGED, ClusterEvent.CSI_NODE_CHANGED, ClusterEvent.CSI_DRIVER_CHANGED}
        | {ClusterEvent.CAPACITY_CHANGED}
    )

    def only(self, pod: PodInfo, snapshot: Snapshot) -> Only | None:
        problem = needs(pod, snapshot.storage).problem if pod.claims else ""
        return (frozenset(), Reason(NAME, problem, unresolvable=True, everywhere=True)) if problem else None

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not pod.claims:
            return None
        wanted = needs(pod, snapshot.storage)
        if wanted.problem or wanted.lost:
            return np.zeros(snapshot.capacity, dtype=bool)[rows]
        masks = [mask for volume in wanted.have if (mask := reach(volume, snapshot)) is not None]
        if wanted.want:
            masks.append(_plannable(wanted, snapshot))
        if not masks:
            return None
        whole: Mask = np.logical_and.reduce(masks)
        return whole[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        wanted = needs(pod, snapshot.storage)
        if wanted.lost:
            return (_NOWHERE,)
        found = []
        if any((mask := reach(volume, snapshot)) is not None and not mask[row] for volume in wanted.have):
            found.append(_ELSEWHERE)
        made = plan(wanted.want, snapshot, snapshot.node(row))
        found += [_NONE_FREE] if made.conflict else [_FULL] if made.full else []
        return tuple(found)


def _plannable(wanted: Needs, snapshot: Snapshot) -> Mask:
    """Rows for which there is a plan: asked node by node only where single volumes make a difference."""
    storage = snapshot.storage
    if not any(next(candidates(claim, storage), None) is not None for claim in wanted.want):
        whole: Mask = np.logical_and.reduce([_single(claim, snapshot) for claim in wanted.want])
        return whole
    mask = np.zeros(snapshot.capacity, dtype=bool)
    for row in snapshot.row_of.values():
        made = plan(wanted.want, snapshot, snapshot.node(row))
        mask[row] = not (made.conflict or made.full)
    return mask


def _single(claim: Obj, snapshot: Snapshot) -> Mask:
    """The nodes for which a claim can be provisioned, or has been promised something."""
    storage = snapshot.storage
    if (promise := promised(claim, storage)) is not None:
        mask = np.zeros(snapshot.capacity, dtype=bool)
        row = snapshot.row_of.get(promise.node_name)
        if row is not None:
            mask[row] = True
        return mask
    found = storage.storage_class(claim) or {}
    asked = [found.get("provisioner"), topologies(found)]
    key: tuple[object, ...] = ("provisionable", json.dumps(asked, sort_keys=True))
    if not tracks_capacity(claim, storage):
        return snapshot.derived(key, lambda node: can_provision(claim, storage, node), bool)
    key = (*key, claim["metadata"].get("uid"), storage.version_of("CSIStorageCapacity"))
    return snapshot.derived(
        key, lambda node: can_provision(claim, storage, node) and has_capacity(claim, storage, node), bool
    )
