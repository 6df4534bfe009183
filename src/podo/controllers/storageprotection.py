"""PVC and PV protection: a deleted claim goes when no pod uses it, a deleted volume when no claim is bound to it. The
finalizer that sees to it comes by admission; where somebody has taken it away it comes back.

Source: "Storage Object in Use Protection" in "Persistent Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_controlled_by, is_deleting, name_of, namespace_of
from podo.reconcile.actions import Action, Update
from podo.reconcile.declare import Key, View, controller

CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"


def _claims_of(pod: Obj) -> Iterator[str]:
    """The claims that a pod names, or has of its own (ephemeral volumes)."""
    for volume in pod["spec"].get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            yield claim
        elif volume.get("ephemeral") is not None:
            yield f"{name_of(pod)}-{volume['name']}"


def _claims_around(pod: Obj, view: View) -> Iterator[Key]:
    for claim in _claims_of(pod):
        yield Key(namespace_of(pod), claim)


@controller(reconciles="PersistentVolumeClaim", watches={"Pod": _claims_around}, name="pvcprotection")
def pvc(key: Key, view: View) -> Iterator[Action]:
    claim = view.get("PersistentVolumeClaim", key.name, key.namespace)
    if claim is None:
        return
    if _lacks(claim, CLAIM_FINALIZER):
        yield _with(claim, CLAIM_FINALIZER)
        return
    pods = view.list("Pod", key.namespace) if _is_protected(claim, CLAIM_FINALIZER) else None
    if pods is not None and not any(_uses(pod, claim) for pod in pods):
        yield _without(claim, CLAIM_FINALIZER)


def _uses(pod: Obj, claim: Obj) -> bool:
    """Pods without a node do not: no kubelet starts one whose claim is being deleted. Nor do those that only wait to be
    removed use claims of their own: a finalizer of theirs may wait for just these."""
    if not pod["spec"].get("nodeName") or name_of(claim) not in _claims_of(pod):
        return False
    is_over = is_deleting(pod) and pod["metadata"].get("deletionGracePeriodSeconds") == 0
    named = ((volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in pod["spec"]["volumes"])
    return name_of(claim) in named or (not is_over and is_controlled_by(claim, pod))


@controller(reconciles="PersistentVolume", name="pvprotection")
def pv(key: Key, view: View) -> Iterator[Action]:
    volume = view.get("PersistentVolume", key.name)
    if volume is None:
        return
    if _lacks(volume, VOLUME_FINALIZER):
        yield _with(volume, VOLUME_FINALIZER)
    elif _is_protected(volume, VOLUME_FINALIZER) and (volume.get("status") or {}).get("phase") != "Bound":
        yield _without(volume, VOLUME_FINALIZER)


def _is_protected(obj: Obj, finalizer: str) -> bool:
    """Is it deleted, and kept by us?"""
    return is_deleting(obj) and finalizer in (obj["metadata"].get("finalizers") or ())


def _lacks(obj: Obj, finalizer: str) -> bool:
    return not is_deleting(obj) and finalizer not in (obj["metadata"].get("finalizers") or ())


def _with(obj: Obj, finalizer: str) -> Action:
    finalizers = [*(obj["metadata"].get("finalizers") or ()), finalizer]
    return Update({**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}})


def _without(obj: Obj, finalizer: str) -> Action:
    left = [name for name in obj["metadata"]["finalizers"] if name != finalizer]
    return Update({**obj, "metadata": {**obj["metadata"], "finalizers": left}})
