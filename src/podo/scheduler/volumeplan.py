"""Which volumes a pod's claims would get on a node: those that they have, others that are free and reach the node, or
new ones that can be provisioned there. Pure.

Source: "Persistent Volumes" (binding), "Storage Classes" (volumeBindingMode, allowedTopologies), "Storage Capacity".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.meta import annotations_of, is_controlled_by, is_deleting, labels_of, name_of
from podo.api.parts.nodeselector import term_allows
from podo.scheduler.noderows import Mask, NodeInfo
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import Snapshot
from podo.scheduler.storage import (
    SELECTED_NODE,
    ClaimKey,
    Promise,
    Storage,
    amount,
    is_bound,
    key_of,
)
from podo.values import quantity
from podo.values.selector import from_label_selector

_NO_PROVISIONER = "kubernetes.io/no-provisioner"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


@dataclass(frozen=True, slots=True)
class Needs:
    """``problem``: what keeps the pod from every node. ``have``: volumes of claims that are bound; ``want``: claims
    that wait for their first consumer, the smallest first; ``lost``: a claim's volume is gone."""

    problem: str = ""
    have: tuple[Obj, ...] = ()
    want: tuple[Obj, ...] = ()
    lost: bool = False


def needs(pod: PodInfo, storage: Storage) -> Needs:
    claims: list[Obj] = []
    for name in dict.fromkeys(pod.claims):
        claim = storage.claim((pod.namespace, name))
        if claim is None:
            return Needs(_missing(pod, name))
        if problem := _problem(pod, name, claim):
            return Needs(problem)
        claims.append(claim)
    if any(_unbound(claim, storage) for claim in claims):
        return Needs(UNBOUND)
    volumes = [storage.volume(claim["spec"]["volumeName"]) for claim in claims if is_bound(claim)]
    have = tuple(volume for volume in volumes if volume is not None)
    want = sorted((claim for claim in claims if not is_bound(claim)), key=_requested)
    return Needs("", have, tuple(want), lost=len(have) < len(volumes))


def _is_ephemeral(pod: PodInfo, claim: str) -> bool:
    """Is the claim made for a volume of this pod?"""
    return any(each.get("ephemeral") and f"{pod.name}-{each['name']}" == claim for each in pod.obj["spec"]["volumes"])


def _missing(pod: PodInfo, name: str) -> str:
    if _is_ephemeral(pod, name):
        return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
    return f'persistentvolumeclaim "{name}" not found'


def _problem(pod: PodInfo, name: str, claim: Obj) -> str:
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = (claim.get("spec") or {}).get("volumeName") or ""
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if is_deleting(claim):
        return f'persistentvolumeclaim "{name}" is being deleted'
    if _is_ephemeral(pod, name) and not is_controlled_by(claim, pod.obj):
        return f"PVC {pod.namespace}/{name} was not created for pod {pod.key} (pod is not owner)"
    return ""


def _unbound(claim: Obj, storage: Storage) -> bool:
    """Is the claim without its volume, and not to be bound by the scheduler?"""
    early = (claim.get("spec") or {}).get("volumeName") or not storage.waits_for_consumer(claim)
    return not is_bound(claim) and bool(early)


# Volumes that claims have


def reach(volume: Obj, snapshot: Snapshot) -> Mask | None:
    """The nodes from which a volume can be used; None for all."""
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required")
    if not required:
        return None
    terms = required.get("nodeSelectorTerms") or ()
    return snapshot.derived(
        ("volume", json.dumps(terms, sort_keys=True)),
        lambda node: any(term_allows(term, node.labels, node.name) for term in terms),
        bool,
    )


def _reaches(volume: Obj, snapshot: Snapshot, node: NodeInfo) -> bool:
    column = reach(volume, snapshot)
    return column is None or bool(column[snapshot.row_of[node.name]])


# Volumes that claims would get


@dataclass(frozen=True, slots=True)
class Plan:
    """``promises`` by claim; or why there is none: ``conflict`` no volume fits, ``full`` storage is short there."""

    promises: Mapping[ClaimKey, Promise]
    conflict: bool = False
    full: bool = False


def plan(wanted: Iterable[Obj], snapshot: Snapshot, node: NodeInfo) -> Plan:
    """For claims that wait for their first consumer, on one node."""
    promises: dict[ClaimKey, Promise] = {}
    for claim in wanted:
        storage, key = snapshot.storage, key_of(claim)
        fixed = promised(claim, storage)
        if fixed is not None:
            if fixed.node_name and fixed.node_name != node.name:
                return Plan({}, conflict=True)
            promises[key] = fixed
            continue
        taken = {promise.volume for promise in promises.values()}
        volume = _smallest(claim, snapshot, node, taken)
        if volume is None and not can_provision(claim, storage, node):
            return Plan({}, conflict=True)
        if volume is None and not has_capacity(claim, storage, node):
            return Plan({}, full=True)
        promises[key] = Promise(name_of(volume) if volume is not None else "", node.name)
    return Plan(promises)


def promised(claim: Obj, storage: Storage) -> Promise | None:
    """What an earlier decision, of this scheduler or another, has fixed."""
    promise = storage.promises.get(key_of(claim))
    if promise is not None:
        return promise
    selected = annotations_of(claim).get(SELECTED_NODE)
    return Promise("", selected) if selected else None


def _smallest(claim: Obj, snapshot: Snapshot, node: NodeInfo, taken: set[str]) -> Obj | None:
    best: tuple[int, str, Obj] | None = None
    for volume in candidates(claim, snapshot.storage):
        name = name_of(volume)
        if name in taken or not _reaches(volume, snapshot, node):
            continue
        if (volume.get("spec") or {}).get("claimRef"):  # kept for this very claim
            return volume
        size = _size((volume.get("spec") or {}).get("capacity"))
        if best is None or (size, name) < best[:2]:
            best = (size, name, volume)
    return best[2] if best is not None else None


def candidates(claim: Obj, storage: Storage) -> Iterator[Obj]:
    """Volumes that would do for the claim, on some node."""
    spec = claim.get("spec") or {}
    selector = from_label_selector(spec["selector"]) if spec.get("selector") else None
    promises = {promise.volume for promise in storage.promises.values()}
    for name, volume in storage.free.get(class_of(claim), {}).items():
        if name in promises or not _suits(volume, claim):
            continue
        if selector is None or selector.matches(labels_of(volume)):
            yield volume


def _suits(volume: Obj, claim: Obj) -> bool:
    has, wants = volume.get("spec") or {}, claim.get("spec") or {}
    if (reference := has.get("claimRef")) is not None:
        if (reference.get("namespace"), reference.get("name")) != key_of(claim):
            return False
        if reference.get("uid") not in (None, "", claim["metadata"].get("uid")):
            return False
    elif (volume.get("status") or {}).get("phase") != "Available":
        return False
    mode = (has.get("volumeMode") or "Filesystem") == (wants.get("volumeMode") or "Filesystem")
    modes = set(wants.get("accessModes") or ()) <= set(has.get("accessModes") or ())
    return not is_deleting(volume) and mode and modes and _size(has.get("capacity")) >= _requested(claim)


def can_provision(claim: Obj, storage: Storage, node: NodeInfo) -> bool:
    found = storage.storage_class(claim)
    if found is None or found.get("provisioner") in (None, "", _NO_PROVISIONER):
        return False
    terms = topologies(found)
    return not terms or any(_topology_allows(term, node) for term in terms)


def topologies(storage_class: Obj) -> list[Any]:
    return list(storage_class.get("allowedTopologies") or ())


def tracks_capacity(claim: Obj, storage: Storage) -> bool:
    """Does the driver that would provision for the claim publish how much storage is left where?"""
    found = storage.storage_class(claim) or {}
    driver = storage.objects["CSIDriver"].get(("", found.get("provisioner") or "")) or {}
    return bool((driver.get("spec") or {}).get("storageCapacity"))


def _topology_allows(term: Mapping[str, Any], node: NodeInfo) -> bool:
    wanted = term.get("matchLabelExpressions") or ()
    return all(node.labels.get(each["key"]) in (each.get("values") or ()) for each in wanted)


def has_capacity(claim: Obj, storage: Storage, node: NodeInfo) -> bool:
    """Is there enough storage for the node, where that is published?"""
    if not tracks_capacity(claim, storage):
        return True
    found = storage.storage_class(claim) or {}
    for each in storage.objects["CSIStorageCapacity"].values():
        if each.get("storageClassName") != name_of(found):
            continue
        left = quantity.as_int(str(each.get("maximumVolumeSize") or each.get("capacity") or "0"))
        if left >= _requested(claim) and from_label_selector(each.get("nodeTopology")).matches(node.labels):
            return True
    return False


def _requested(claim: Obj) -> int:
    return _size(((claim.get("spec") or {}).get("resources") or {}).get("requests"))


def _size(resources: Any) -> int:
    return quantity.as_int(amount(resources))
