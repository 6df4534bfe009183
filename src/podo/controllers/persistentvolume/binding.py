"""What says that a claim and a volume belong together: references, annotations, phases.

Source: "Persistent Volumes" (binding) and "Well-Known Labels, Annotations and Taints" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.meta import annotations_of, name_of, namespace_of, uid_of
from podo.reconcile.actions import Action, Patch
from podo.reconcile.declare import View
from podo.values import quantity, timestamp

CLAIM, VOLUME, CLASS = "PersistentVolumeClaim", "PersistentVolume", "StorageClass"
BIND_COMPLETED, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
#: The provisioner that is asked for a volume; the older name is written too, as provisioners may read either.
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"


def claim_reference(volume: Obj) -> dict[str, Any]:
    """The claim that a volume is kept for; empty for none."""
    return (volume.get("spec") or {}).get("claimRef") or {}


def volume_name(claim: Obj) -> str:
    """The volume that a claim has or asks for; "" for none."""
    return str((claim.get("spec") or {}).get("volumeName") or "")


def is_kept_for(volume: Obj, claim: Obj) -> bool:
    """Does the volume name this claim (or, by a person's hand, whatever claim comes by this name)?"""
    found = claim_reference(volume)
    if (found.get("namespace"), found.get("name")) != (namespace_of(claim), name_of(claim)):
        return False
    return found.get("uid") in (None, "", uid_of(claim))


def reference_to(claim: Obj) -> dict[str, Any]:
    found = claim["metadata"]
    fields = {field: found[field] for field in ("namespace", "name", "uid", "resourceVersion")}
    return {"apiVersion": "v1", "kind": CLAIM, **fields}


def phase_of(obj: Obj) -> str:
    return str((obj.get("status") or {}).get("phase") or "")


def mode_of(obj: Obj) -> str:
    """Filesystem, or Block."""
    return str((obj.get("spec") or {}).get("volumeMode") or "Filesystem")


def requested(claim: Obj) -> int:
    """Bytes that the claim asks for."""
    return _storage(((claim.get("spec") or {}).get("resources") or {}).get("requests"))


def capacity(volume: Obj) -> int:
    """Bytes that the volume has."""
    return _storage((volume.get("spec") or {}).get("capacity"))


def granted(claim: Obj) -> int:
    """Bytes that the claim is known to have."""
    return _storage((claim.get("status") or {}).get("capacity"))


def _storage(resources: Any) -> int:
    return quantity.as_int(str((resources or {}).get("storage") or "0"))


def waits_for_consumer(claim: Obj, view: View) -> bool:
    """Is the claim bound only when a pod that uses it is given a node?"""
    found = view.get(CLASS, class_of(claim))
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"


def claim_is(claim: Obj, phase: str, volume: Obj | None = None) -> Iterator[Action]:
    """Writes the claim's phase, with what it has of ``volume``. A size is written once, when the claim is bound: from
    then on it is the business of who makes volumes larger."""
    status = claim.get("status") or {}
    wanted: dict[str, Any] = {"phase": phase}
    if volume is None:
        wanted |= {"accessModes": None, "capacity": None}
    else:
        wanted["accessModes"] = volume["spec"].get("accessModes")
        if status.get("phase") != phase:
            wanted["capacity"] = volume["spec"].get("capacity")
    if any(status.get(field) != value for field, value in wanted.items()):
        yield Patch(claim, {"metadata": {"uid": uid_of(claim)}, "status": wanted}, subresource="status")


def volume_is(volume: Obj, phase: str, view: View, message: str | None = None) -> Iterator[Action]:
    """Writes the volume's phase and when it came to it."""
    if phase_of(volume) == phase and ((volume.get("status") or {}).get("message") or None) == message:
        return
    status: dict[str, Any] = {"phase": phase, "message": message, "reason": None}
    if phase_of(volume) != phase:
        status["lastPhaseTransitionTime"] = timestamp.time(view.now)
    yield Patch(volume, {"metadata": {"uid": uid_of(volume)}, "status": status}, subresource="status")


def annotated(obj: Obj, name: str) -> bool:
    return name in annotations_of(obj)


def version(obj: Obj) -> dict[str, str]:
    """The part of a patch that makes it hold for this state of the object only."""
    return {"resourceVersion": obj["metadata"]["resourceVersion"]}
