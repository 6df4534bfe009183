"""PVC and PV protection: a deleted claim goes when no pod uses it, a deleted volume when no claim is bound to it.

Source: "Storage Object in Use Protection" in "Persistent Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of
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
    # Pods without a node do not count: no kubelet starts one whose claim is being deleted.
    users = (pod for pod in view.list("Pod", key.namespace) if pod["spec"].get("nodeName"))
    if not _is_protected(claim, CLAIM_FINALIZER):
        return
    if not any(key.name in _claims_of(pod) for pod in users):
        yield _without(claim, CLAIM_FINALIZER)


@controller(reconciles="PersistentVolume", name="pvprotection")
def pv(key: Key, view: View) -> Iterator[Action]:
    volume = view.get("PersistentVolume", key.name)
    if volume is None or not _is_protected(volume, VOLUME_FINALIZER):
        return
    if (volume.get("status") or {}).get("phase") != "Bound":
        yield _without(volume, VOLUME_FINALIZER)


def _is_protected(obj: Obj, finalizer: str) -> bool:
    """Is it deleted, and kept by us?"""
    return is_deleting(obj) and finalizer in (obj["metadata"].get("finalizers") or ())


def _without(obj: Obj, finalizer: str) -> Action:
    left = [name for name in obj["metadata"]["finalizers"] if name != finalizer]
    return Update({**obj, "metadata": {**obj["metadata"], "finalizers": left}})
