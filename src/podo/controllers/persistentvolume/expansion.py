"""A claim that asks for more than it has: a local volume is larger at once, others are their driver's business.

Events: VolumeResizeSuccessful, ExternalExpanding. Source: "Expanding Persistent Volumes Claims" in "Persistent
Volumes" of the Kubernetes documentation. Whether a claim may grow, admission says (PersistentVolumeClaimResize).
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, uid_of
from podo.api.parts.localvolume import PROVISIONER_NAME
from podo.controllers.persistentvolume.binding import (
    BIND_COMPLETED,
    CLAIM,
    PROVISIONED_BY,
    VOLUME,
    annotated,
    capacity,
    claim_reference,
    granted,
    phase_of,
    requested,
    volume_name,
)
from podo.reconcile.actions import Action, Patch, Tell, Update
from podo.reconcile.declare import Key, View, controller

_EXTERNAL = "waiting for an external controller to expand this PVC"


def _wants_more(claim: Obj) -> bool:
    return phase_of(claim) == "Bound" and annotated(claim, BIND_COMPLETED) and granted(claim) < requested(claim)


@controller(reconciles=CLAIM, reads=(VOLUME,), name="volumeexpand", minds=_wants_more)
def expand(key: Key, view: View) -> Iterator[Action]:
    claim = view.get(CLAIM, key.name, key.namespace)
    if claim is None or not _wants_more(claim):
        return
    volume = view.get(VOLUME, volume_name(claim))
    if volume is None or claim_reference(volume).get("uid") != uid_of(claim):
        return
    if annotations_of(volume).get(PROVISIONED_BY) != PROVISIONER_NAME:
        yield Tell(claim, "ExternalExpanding", _EXTERNAL)
        return
    wanted = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
    if capacity(volume) < requested(claim):
        yield Update({**volume, "spec": {**volume["spec"], "capacity": wanted}})
    status = {"metadata": {"uid": uid_of(claim)}, "status": {"capacity": wanted}}
    yield Patch(claim, status, subresource="status")
    yield Tell(claim, "VolumeResizeSuccessful", "Resize volume succeeded")
