"""Why a PersistentVolumeClaim is not bound: no class, nobody who makes volumes, a pod without a node."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, name_of, namespace_of
from podo.api.parts.localvolume import PROVISIONER_NAME
from podo.cluster.why import deleting
from podo.cluster.why.finding import Finding, Picture, title

_BY_HAND = "kubernetes.io/no-provisioner"


def unbound(pod: Obj, picture: Picture) -> Iterator[Obj]:
    """The claims of a pod that are not bound."""
    for volume in pod["spec"].get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if not name and volume.get("ephemeral"):
            name = f"{name_of(pod)}-{volume['name']}"
        claim = picture.get("PersistentVolumeClaim", namespace_of(pod), name) if name else None
        if claim is not None and (claim.get("status") or {}).get("phase") != "Bound":
            yield claim


def why_claim(claim: Obj, picture: Picture) -> Finding:
    phase = (claim.get("status") or {}).get("phase", "Pending")
    if phase == "Bound":
        says = [f"Bound to {claim['spec'].get('volumeName')}", *deleting.lines(claim, picture)]
        return Finding(title(claim), tuple(says) if is_deleting(claim) else (f"{says[0]}, nothing is wrong",))
    says = [phase, *deleting.lines(claim, picture), *_class(claim, picture), *picture.warnings(claim)]
    return Finding(title(claim), tuple(says))


def users(claim: Obj, picture: Picture) -> Iterator[Obj]:
    for pod in picture.all("Pod"):
        if namespace_of(pod) == namespace_of(claim) and any(each is claim for each in _named(pod, claim)):
            yield pod


def _named(pod: Obj, claim: Obj) -> Iterator[Obj]:
    for volume in pod["spec"].get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if (name or (f"{name_of(pod)}-{volume['name']}" if volume.get("ephemeral") else "")) == name_of(claim):
            yield claim


def _class(claim: Obj, picture: Picture) -> Iterator[str]:
    name = claim["spec"].get("storageClassName")
    if not name:
        yield "names no storage class: a volume without one must match it"
        return
    found = picture.get("StorageClass", "", name)
    if found is None:
        if "StorageClass" not in picture.unseen:
            yield f"storage class {name} does not exist"
        return
    provisioner = str(found.get("provisioner") or "")
    node = annotations_of(claim).get("volume.kubernetes.io/selected-node")
    if found.get("volumeBindingMode") == "WaitForFirstConsumer" and not node:
        names = [name_of(pod) for pod in users(claim, picture)]
        yield f"waits for a node to be found for pod {names[0]}" if names else "waits for a pod that uses it"
        return
    yield from _made_by(provisioner, f" for node {node}" if node else "", picture)


def _made_by(provisioner: str, where: str, picture: Picture) -> Iterator[str]:
    if provisioner == _BY_HAND:
        yield f"nobody makes volumes of its class: one that matches must be made by hand{where}"
        return
    yield f"waits for {provisioner} to make a volume{where}"
    own = provisioner in (PROVISIONER_NAME, "")
    if not own and "CSIDriver" not in picture.unseen and picture.get("CSIDriver", "", provisioner) is None:
        yield f"there is no CSIDriver {provisioner}: is the provisioner installed?"
