"""Which volume a claim gets: one that is kept for it, else the smallest free one that has what the claim asks for.

Source: "Binding", "Access Modes", "Selector" and "Class" in "Persistent Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.meta import is_deleting, labels_of, name_of
from podo.controllers.persistentvolume.binding import (
    VOLUME,
    capacity,
    claim_reference,
    is_kept_for,
    mode_of,
    phase_of,
    requested,
)
from podo.reconcile.declare import View
from podo.values.selector import from_label_selector


def best_match(claim: Obj, view: View, delayed: bool) -> Obj | None:
    """The volume for a claim that names none. ``delayed``: the scheduler chooses; only a volume that is kept for the
    claim will do."""
    volumes = [volume for volume in view.list(VOLUME) if _could_do(volume, claim)]
    for volume in volumes:
        if is_kept_for(volume, claim):
            return volume
    if delayed:
        return None
    free = [volume for volume in volumes if _is_free(volume) and _is_chosen(volume, claim)]
    return min(free, key=_rank, default=None)


def mismatch(claim: Obj, volume: Obj) -> str:
    """Why a claim cannot have the volume that it names; "" if it can."""
    if is_deleting(volume):
        return f'the volume is marked for deletion "{name_of(volume)}"'
    if capacity(volume) < requested(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if _attributes(volume) != _attributes(claim):
        return "volumeAttributesClassName does not match"
    if mode_of(volume) != mode_of(claim):
        return "incompatible volumeMode"
    return "" if _has_modes(volume, claim) else "incompatible accessMode"


def _could_do(volume: Obj, claim: Obj) -> bool:
    """Size, modes: what even a volume that is kept for the claim must have."""
    if is_deleting(volume) or mode_of(volume) != mode_of(claim) or not _has_modes(volume, claim):
        return False
    return capacity(volume) >= requested(claim)


def _is_free(volume: Obj) -> bool:
    return not claim_reference(volume) and phase_of(volume) == "Available"


def _is_chosen(volume: Obj, claim: Obj) -> bool:
    """Is it of the claim's class, and among those that the claim selects?"""
    if class_of(volume) != class_of(claim) or _attributes(volume) != _attributes(claim):
        return False
    selector = claim["spec"].get("selector")
    return not selector or from_label_selector(selector).matches(labels_of(volume))


def _has_modes(volume: Obj, claim: Obj) -> bool:
    return set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ())


def _attributes(obj: Obj) -> str:
    return str(obj["spec"].get("volumeAttributesClassName") or "")


def _rank(volume: Obj) -> tuple[int, int, str]:
    """Those that can no more than they must come first, of these the smallest."""
    return len(volume["spec"].get("accessModes") or ()), capacity(volume), name_of(volume)
