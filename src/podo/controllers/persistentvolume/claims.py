"""Claims are bound: to the volume that they name, that is kept for them, or that suits them; else one is asked for.

A binding is written on both sides, the volume first: whoever has the volume's claimRef has the volume. Events:
FailedBinding, VolumeMismatch, WaitForFirstConsumer, WaitForPodScheduled, ClaimLost, ClaimMisbound. Source: "Persistent
Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.admission.defaultclass import STORAGE_DEFAULT, newest
from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.kinds.core.persistentvolumeclaim_rules import CLASS_ANNOTATION
from podo.api.meta import annotations_of, is_deleting, name_of, namespace_of, uid_of
from podo.controllers.persistentvolume.binding import (
    BIND_COMPLETED,
    BY_CONTROLLER,
    CLAIM,
    CLASS,
    SELECTED_NODE,
    VOLUME,
    annotated,
    claim_is,
    claim_reference,
    is_kept_for,
    phase_of,
    reference_to,
    version,
    volume_name,
    waits_for_consumer,
)
from podo.controllers.persistentvolume.matching import best_match, mismatch
from podo.controllers.persistentvolume.provisioning import ask_for_volume
from podo.reconcile.actions import Action, EnsureAbsent, Patch, Tell, Update
from podo.reconcile.declare import Among, Key, View, controller

_LOST_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
_LOST_VOLUME = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
_MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"
_NOTHING = "no persistent volumes available for this claim and no storage class is set"


def _around_volume(volume: Obj, view: View) -> Iterator[Key]:
    """The claim that it is kept for; or, while it is anybody's, all claims that have none."""
    reference = claim_reference(volume)
    if reference:
        yield Key(reference.get("namespace") or "", reference.get("name") or "")
    if reference.get("uid"):
        return
    for claim in view.list(CLAIM):
        if not annotated(claim, BIND_COMPLETED) and volume_name(claim) in ("", name_of(volume)):
            yield Key(namespace_of(claim), name_of(claim))


def _around_class(storage_class: Obj, view: View) -> Iterator[Key]:
    """Claims that wait for their class, or for a default one."""
    for claim in view.list(CLAIM):
        if not volume_name(claim) and class_of(claim) in ("", name_of(storage_class)):
            yield Key(namespace_of(claim), name_of(claim))


@controller(
    reconciles=CLAIM,
    watches={VOLUME: Among(CLAIM, _around_volume), CLASS: Among(CLAIM, _around_class)},
    reads=("Pod",),
    name="persistentvolumeclaim",
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    claim = view.get(CLAIM, key.name, key.namespace)
    if claim is None:
        return
    if annotated(claim, BIND_COMPLETED):
        yield from _keep(claim, view)
    elif is_deleting(claim):
        return
    elif volume_name(claim):
        yield from _take_asked(claim, view)
    else:
        yield from _find(claim, view)


def _keep(claim: Obj, view: View) -> Iterator[Action]:
    """A claim that was bound stays so, or is lost."""
    name = volume_name(claim)
    if not name:
        yield from _lose(claim, "ClaimLost", _LOST_REFERENCE)
        return
    volume = view.get(VOLUME, name)
    if volume is None:
        if phase_of(claim) != "Lost":
            yield EnsureAbsent(VOLUME, name=name)
        yield from _lose(claim, "ClaimLost", _LOST_VOLUME)
    elif claim_reference(volume) and claim_reference(volume).get("uid") != uid_of(claim):
        yield from _lose(claim, "ClaimMisbound", _MISBOUND)
    else:
        yield from bind(claim, volume)


def _lose(claim: Obj, reason: str, message: str) -> Iterator[Action]:
    if phase_of(claim) != "Lost":
        yield from claim_is(claim, "Lost")
        yield Tell(claim, reason, message, "Warning")


def _take_asked(claim: Obj, view: View) -> Iterator[Action]:
    """The claim names its volume, or its binding was not finished."""
    name = volume_name(claim)
    volume = view.get(VOLUME, name)
    if volume is None:
        yield from claim_is(claim, "Pending")
    elif is_kept_for(volume, claim):
        yield from bind(claim, volume)
    elif claim_reference(volume):
        yield from claim_is(claim, "Pending")
        yield Tell(claim, "FailedBinding", f'volume "{name}" already bound to a different claim.', "Warning")
    elif problem := mismatch(claim, volume):
        yield from claim_is(claim, "Pending")
        yield Tell(claim, "VolumeMismatch", f'Cannot bind to requested volume "{name}": {problem}', "Warning")
    else:
        yield from bind(claim, volume)


def _find(claim: Obj, view: View) -> Iterator[Action]:
    """The claim takes what suits it; else somebody is asked to make it, or it waits."""
    delayed = waits_for_consumer(claim, view)
    volume = best_match(claim, view, delayed)
    if volume is not None:
        yield from bind(claim, volume)
        return
    if default := _default_class(claim, view):
        yield Patch(claim, {"metadata": version(claim), "spec": {"storageClassName": default}})
        return
    yield from claim_is(claim, "Pending")
    if delayed and not annotated(claim, SELECTED_NODE):
        yield _waiting(claim, view)
    elif class_of(claim):
        yield from ask_for_volume(claim, view)
    else:
        yield Tell(claim, "FailedBinding", _NOTHING)


def _default_class(claim: Obj, view: View) -> str:
    """For a claim that was made before there was a default class, and that leaves the choice open."""
    if claim["spec"].get("storageClassName") is not None or annotated(claim, CLASS_ANNOTATION):
        return ""
    classes = view.list(CLASS)
    marked = (one for one in classes if any(annotations_of(one).get(mark) == "true" for mark in STORAGE_DEFAULT))
    found = newest(marked)
    return name_of(found) if found else ""


def _waiting(claim: Obj, view: View) -> Tell:
    pods = [name_of(pod) for pod in view.list("Pod", namespace_of(claim)) if _waits_for(pod, name_of(claim))]
    if not pods:
        return Tell(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    which = f"pod {pods[0]}" if len(pods) == 1 else f"pods {','.join(pods)}"
    return Tell(claim, "WaitForPodScheduled", f"waiting for {which} to be scheduled")


def _waits_for(pod: Obj, claim: str) -> bool:
    """Has the pod no node yet, and uses the claim?"""
    if pod["spec"].get("nodeName"):
        return False
    volumes: list[dict[str, Any]] = pod["spec"].get("volumes") or []
    return any((volume.get("persistentVolumeClaim") or {}).get("claimName") == claim for volume in volumes)


def bind(claim: Obj, volume: Obj) -> Iterator[Action]:
    """What is missing for the claim to have the volume. The volume's own phase is its controller's business."""
    if claim_reference(volume).get("uid") != uid_of(claim):
        annotations = annotations_of(volume)
        if not is_kept_for(volume, claim):
            annotations = {**annotations, BY_CONTROLLER: "yes"}
        metadata = {**volume["metadata"], "annotations": annotations}
        yield Update({**volume, "metadata": metadata, "spec": {**volume["spec"], "claimRef": reference_to(claim)}})
    marks = {} if volume_name(claim) == name_of(volume) else {BY_CONTROLLER: "yes"}
    if not annotated(claim, BIND_COMPLETED):
        marks[BIND_COMPLETED] = "yes"
    if marks:
        metadata = {"annotations": marks, **version(claim)}
        yield Patch(claim, {"metadata": metadata, "spec": {"volumeName": name_of(volume)}})
    yield from claim_is(claim, "Bound", volume)
