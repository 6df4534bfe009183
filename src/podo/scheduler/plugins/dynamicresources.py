"""DynamicResources: a pod that uses ResourceClaims waits until each is allocated, and then goes where the devices are.

Which devices a claim gets is decided elsewhere: this scheduler allocates none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from podo.api.kind import Obj
from podo.api.parts.nodeselector import term_allows
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

NAME = "DynamicResources"
_ELSEWHERE = Reason(NAME, "resourceclaim not available on the node", unresolvable=True)


class DynamicResources:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset({ClusterEvent.CLAIM_CHANGED, ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not pod.obj["spec"].get("resourceClaims"):
            return None
        if _missing(pod, snapshot):
            return np.zeros(snapshot.capacity, dtype=bool)[rows]
        mask: Mask = snapshot.present.copy()
        for claim in _claims(pod, snapshot):
            for row in snapshot.row_of.values():
                mask[row] &= _reaches(claim, snapshot, row)
        return mask[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        if missing := _missing(pod, snapshot):
            return (Reason(NAME, missing, unresolvable=True, everywhere=True),)
        return (_ELSEWHERE,)


def _missing(pod: PodInfo, snapshot: Snapshot) -> str:
    """What keeps the pod from every node; "" if nothing does."""
    for name in _names(pod):
        if not name:
            return "waiting for the ResourceClaims of its templates to be created"
        claim = snapshot.resource_claims.get((pod.namespace, name))
        if claim is None:
            return f'resourceclaim "{name}" not found'
        if claim["metadata"].get("deletionTimestamp"):
            return f'resourceclaim "{name}" is being deleted'
        if not (claim.get("status") or {}).get("allocation"):
            return f'resourceclaim "{name}" is not allocated, and this scheduler does not allocate devices'
    return ""


def _names(pod: PodInfo) -> Iterator[str]:
    """The pod's claims; "" for one that is still to be made from a template."""
    made = (pod.obj.get("status") or {}).get("resourceClaimStatuses") or ()
    names = {each["name"]: each.get("resourceClaimName") or "" for each in made}
    for each in pod.obj["spec"].get("resourceClaims") or ():
        yield each.get("resourceClaimName") or names.get(each["name"], "")


def _claims(pod: PodInfo, snapshot: Snapshot) -> Iterator[Obj]:
    for name in _names(pod):
        if (claim := snapshot.resource_claims.get((pod.namespace, name))) is not None:
            yield claim


def _reaches(claim: Obj, snapshot: Snapshot, row: int) -> bool:
    selector = claim["status"]["allocation"].get("nodeSelector")
    if not selector:
        return True
    node = snapshot.node(row)
    return any(term_allows(term, node.labels, node.name) for term in selector.get("nodeSelectorTerms") or ())
