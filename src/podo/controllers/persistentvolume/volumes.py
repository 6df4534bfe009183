"""The phase of a volume follows its claim: Available, Bound, Released when the claim is gone, Failed when it cannot be
reclaimed.

Source: "Lifecycle of a volume and claim" in "Persistent Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, name_of, namespace_of, uid_of
from podo.controllers.persistentvolume.binding import (
    BY_CONTROLLER,
    CLAIM,
    PROVISIONED_BY,
    VOLUME,
    annotated,
    claim_reference,
    mode_of,
    phase_of,
    version,
    volume_is,
    volume_name,
)
from podo.controllers.persistentvolume.reclaiming import reclaim, recycled
from podo.reconcile.actions import Action, EnsureAbsent, Patch, Tell
from podo.reconcile.declare import Among, Key, View, controller


def _around_claim(claim: Obj, view: View) -> Iterator[Key]:
    """The volume that it has; while it has none, those that are kept for it."""
    if name := volume_name(claim):
        yield Key("", name)
        return
    place = (namespace_of(claim), name_of(claim))
    for volume in view.list(VOLUME):
        reference = claim_reference(volume)
        if (reference.get("namespace"), reference.get("name")) == place:
            yield Key("", name_of(volume))


@controller(
    reconciles=VOLUME,
    watches={CLAIM: Among(VOLUME, _around_claim), "Pod": recycled},
    reads=("Node",),
    name="persistentvolume",
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    volume = view.get(VOLUME, key.name)
    if volume is None:
        return
    reference = claim_reference(volume)
    if not reference.get("uid"):
        yield from volume_is(volume, "Available", view)
        return
    claim = view.get(CLAIM, reference.get("name") or "", reference.get("namespace") or "")
    if claim is None or uid_of(claim) != reference["uid"]:
        yield from _abandoned(volume, view)
    elif volume_name(claim) == name_of(volume):
        yield from volume_is(volume, "Bound", view)
    elif volume_name(claim):
        yield from _jilted(volume, view)
    elif mode_of(claim) != mode_of(volume):
        yield from _incompatible(volume, claim)


def _abandoned(volume: Obj, view: View) -> Iterator[Action]:
    """The claim is gone. That is looked up again in the API before it is believed: data may be deleted for it."""
    if phase_of(volume) in ("Released", "Failed"):
        yield from reclaim(volume, view)
        return
    reference = claim_reference(volume)
    yield EnsureAbsent(CLAIM, reference.get("namespace") or "", reference.get("name") or "", reference["uid"])
    yield from volume_is(volume, "Released", view)


def _jilted(volume: Obj, view: View) -> Iterator[Action]:
    """The claim has another volume: this one is free again; one that was made for just this claim goes."""
    if annotated(volume, PROVISIONED_BY) and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
        if phase_of(volume) in ("Released", "Failed"):
            yield from reclaim(volume, view)
        else:
            yield from volume_is(volume, "Released", view)
        return
    yield unbound(volume)


def unbound(volume: Obj) -> Patch:
    """Frees the volume; one that a person keeps for a claim of that name goes on being kept."""
    metadata = version(volume)
    if BY_CONTROLLER in annotations_of(volume):
        annotations = {BY_CONTROLLER: None}
        return Patch(volume, {"metadata": {**metadata, "annotations": annotations}, "spec": {"claimRef": None}})
    return Patch(volume, {"metadata": metadata, "spec": {"claimRef": {"uid": None, "resourceVersion": None}}})


def _incompatible(volume: Obj, claim: Obj) -> Iterator[Action]:
    why = "due to incompatible volumeMode."
    text = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{name_of(claim)}" {why}'
    yield Tell(volume, "VolumeMismatch", text, "Warning")
    text = f'Cannot bind PersistentVolume "{name_of(volume)}" to requested PersistentVolumeClaim {why}'
    yield Tell(claim, "VolumeMismatch", text, "Warning")
