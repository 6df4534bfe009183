"""The provisioner ``podo.dev/local``: a claim gets a directory of the node that its first pod was given.

The volume is written here; the node makes the directory when a pod uses it, and removes it, then the volume, when the
claim is gone (``node/volumes/persistentremoval.py``). Sizes are not enforced. Events: Provisioning,
ProvisioningSucceeded, ProvisioningFailed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.meta import (
    annotations_of,
    condition_is_true,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from podo.api.parts.localvolume import DIRECTORY, NODE_LABEL, PROVISIONER_NAME
from podo.controllers.persistentvolume.binding import (
    CLAIM,
    CLASS,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    VOLUME,
    mode_of,
    reference_to,
    version,
    volume_name,
)
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, EnsureAbsent, Patch, Tell
from podo.reconcile.declare import Key, View, controller

#: Where volumes of simulated nodes would be.
_IMAGINED = "/var/lib/podo/volumes"
_HOSTNAME = "kubernetes.io/hostname"
#: Seconds between two looks for a node, or for one that is gone.
_LOOK_SECONDS = 60.0


@controller(reconciles=CLAIM, reads=(CLASS, VOLUME, "Node"), name="localprovisioner")
def provisioner(key: Key, view: View) -> Iterator[Action]:
    claim = view.get(CLAIM, key.name, key.namespace)
    if claim is None or is_deleting(claim) or volume_name(claim):
        return
    storage_class = view.get(CLASS, class_of(claim))
    if annotations_of(claim).get(PROVISIONER) != PROVISIONER_NAME or storage_class is None:
        return
    if storage_class["provisioner"] != PROVISIONER_NAME or view.get(VOLUME, _name(claim)) is not None:
        return
    if problem := _unsupported(claim, storage_class):
        yield _failed(claim, storage_class, problem)
        return
    yield from _provision(claim, storage_class, view)


def _provision(claim: Obj, storage_class: Obj, view: View) -> Iterator[Action]:
    selected = annotations_of(claim).get(SELECTED_NODE) or _any_node(claim, view)
    if not selected:
        yield _failed(claim, storage_class, "no node is ready and takes pods")
        yield CheckAgain(_LOOK_SECONDS)
        return
    node = view.get("Node", selected)
    if node is None:  # the scheduler is to choose another
        yield EnsureAbsent("Node", name=selected)
        yield Patch(claim, {"metadata": {"annotations": {SELECTED_NODE: None}, **version(claim)}})
        yield _failed(claim, storage_class, f'node "{selected}" not found')
        return
    place = f"{namespace_of(claim)}/{name_of(claim)}"
    yield Tell(claim, "Provisioning", f'External provisioner is provisioning volume for claim "{place}"')
    yield Create(_volume(claim, storage_class, node))
    yield Tell(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {_name(claim)}")


def _unsupported(claim: Obj, storage_class: Obj) -> str:
    spec = claim["spec"]
    if mode_of(claim) != "Filesystem":
        return f"{PROVISIONER_NAME} does not support volumes of volumeMode {mode_of(claim)}"
    if spec.get("selector"):
        return "claim Selector is not supported"
    if spec.get("dataSource") or spec.get("dataSourceRef"):
        return f"{PROVISIONER_NAME} does not support data sources"
    if storage_class.get("mountOptions"):
        return f"{PROVISIONER_NAME} does not support mountOptions"
    return ""


def _failed(claim: Obj, storage_class: Obj, problem: str) -> Tell:
    text = f'failed to provision volume with StorageClass "{name_of(storage_class)}": {problem}'
    return Tell(claim, "ProvisioningFailed", text, "Warning")


def _any_node(claim: Obj, view: View) -> str:
    """For a claim that does not wait for a pod: one of the nodes that take pods, always the same for the same
    nodes."""
    nodes = [name_of(node) for node in view.list("Node") if _takes_pods(node)]
    return nodes[zlib.crc32(uid_of(claim).encode()) % len(nodes)] if nodes else ""


def _takes_pods(node: Obj) -> bool:
    return condition_is_true(node, "Ready") and not (node.get("spec") or {}).get("unschedulable")


def _name(claim: Obj) -> str:
    return f"pvc-{uid_of(claim)}"


def directory_of(node: Obj) -> str:
    """Where the node keeps its volumes; "" for one without a disk (a simulated one)."""
    return annotations_of(node).get(DIRECTORY, "")


def _volume(claim: Obj, storage_class: Obj, node: Obj) -> Obj:
    expression = {"key": _HOSTNAME, "operator": "In", "values": [labels_of(node).get(_HOSTNAME, name_of(node))]}
    spec: dict[str, Any] = {
        "accessModes": claim["spec"]["accessModes"],
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "claimRef": reference_to(claim),
        "local": {"path": f"{directory_of(node) or _IMAGINED}/{_name(claim)}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": name_of(storage_class),
        "volumeMode": "Filesystem",
    }
    metadata = {
        "name": _name(claim),
        "labels": {NODE_LABEL: name_of(node)},
        "annotations": {PROVISIONED_BY: PROVISIONER_NAME},
    }
    return {"apiVersion": "v1", "kind": VOLUME, "metadata": metadata, "spec": spec}


def delete(volume: Obj, view: View) -> Iterator[Action]:
    """A node with a disk removes the directory, and then the volume. Where there is no such node nothing is left."""
    name = labels_of(volume).get(NODE_LABEL, "")
    node = view.get("Node", name)
    if node is not None and directory_of(node):
        yield CheckAgain(_LOOK_SECONDS)
        return
    if node is None and name:
        yield EnsureAbsent("Node", name=name)
    yield Delete(volume)
