"""What a delete does to an object: removes it, or marks it for a kubelet or the owner of a finalizer to end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.kinds.apiextensions.customresourcedefinition import CLEANUP_FINALIZER, CUSTOMRESOURCEDEFINITION
from podo.values import timestamp

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_FINALIZER_OF = {"Foreground": FOREGROUND, "Orphan": ORPHAN}
_TERMINAL = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``obj`` marked as it is to be stored, or, with ``remove``, as it is to be answered after its removal."""

    obj: Obj
    remove: bool


def begin(kind: Kind, obj: Obj, grace: int | None, propagation: str, now: float) -> Wanted:
    """What a delete of ``obj`` (the caller's own copy, which is changed) comes to."""
    if kind.plural == "namespaces" and kind.group == "":
        return _namespace(obj, now)
    found = obj["metadata"]
    if propagation:
        _set_propagation(found, propagation)
    if kind.plural == "pods" and kind.group == "":
        return _gracefully(obj, _grace_of(obj, grace), asked=grace is not None, now=now)
    if kind is CUSTOMRESOURCEDEFINITION and "deletionTimestamp" not in found:
        _definition(obj, now)
    if not found.get("finalizers"):
        return Wanted(obj, remove=True)
    _mark(found, now, 0)
    return Wanted(obj, remove=False)


def default_propagation(kind: Kind, obj: Obj) -> str:
    """What becomes of dependents where the delete does not say: as the object's finalizers, else its kind, have it."""
    finalizers = obj["metadata"].get("finalizers") or ()
    return "" if FOREGROUND in finalizers or ORPHAN in finalizers else kind.default_propagation


def _set_propagation(found: dict[str, Any], propagation: str) -> None:
    finalizers = [name for name in found.get("finalizers") or () if name not in (FOREGROUND, ORPHAN)]
    if propagation in _FINALIZER_OF:
        finalizers.append(_FINALIZER_OF[propagation])
    if finalizers:
        found["finalizers"] = finalizers
    else:
        found.pop("finalizers", None)


def _mark(found: dict[str, Any], now: float, grace: int) -> None:
    """Set the deletion fields once; a mark that is there stays."""
    if "deletionTimestamp" in found:
        return
    found["deletionTimestamp"] = timestamp.time(now + grace)
    found["deletionGracePeriodSeconds"] = grace
    if found.get("generation"):
        found["generation"] += 1


def _grace_of(pod: Obj, asked: int | None) -> int:
    spec = pod.get("spec") or {}
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in _TERMINAL:
        return 0
    grace = asked if asked is not None else spec.get("terminationGracePeriodSeconds", 30)
    return 1 if grace < 0 else int(grace)


def _gracefully(pod: Obj, grace: int, *, asked: bool, now: float) -> Wanted:
    found = pod["metadata"]
    if "deletionTimestamp" not in found:
        _mark(found, now, grace)
    else:
        _shorten(found, grace, asked)
    remove = not found.get("deletionGracePeriodSeconds") and not found.get("finalizers")
    return Wanted(pod, remove)


def _shorten(found: dict[str, Any], grace: int, asked: bool) -> None:
    """A second delete can only bring the end nearer."""
    before = int(found.get("deletionGracePeriodSeconds") or 0)
    if not (asked or grace == 0) or grace >= before:
        return
    began = timestamp.parse(found["deletionTimestamp"]) - before
    found["deletionTimestamp"] = timestamp.time(began + grace)
    found["deletionGracePeriodSeconds"] = grace


def _definition(definition: Obj, now: float) -> None:
    """A CustomResourceDefinition stays until its controller has deleted the objects of its kind."""
    found = definition["metadata"]
    found["finalizers"] = list(dict.fromkeys([*(found.get("finalizers") or ()), CLEANUP_FINALIZER]))
    status = definition.setdefault("status", {})
    conditions = [one for one in status.get("conditions") or () if one.get("type") != "Terminating"]
    said = "CustomResourceDefinition marked for deletion; CustomResource deletion will be issued soon"
    terminating = {"type": "Terminating", "status": "True", "reason": "InstanceDeletionPending", "message": said}
    status["conditions"] = [*conditions, {"lastTransitionTime": timestamp.time(now), **terminating}]


def _namespace(namespace: Obj, now: float) -> Wanted:
    """A namespace is Terminating until the namespace controller has emptied it and taken its finalizers."""
    found = namespace["metadata"]
    if not (namespace.get("spec") or {}).get("finalizers") and not found.get("finalizers"):
        return Wanted(namespace, remove=True)
    if "deletionTimestamp" not in found:
        found["deletionTimestamp"] = timestamp.time(now)
    namespace.setdefault("status", {})["phase"] = "Terminating"
    return Wanted(namespace, remove=False)
