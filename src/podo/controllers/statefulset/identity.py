"""Names and numbers of a StatefulSet's pods, and what the pod of a number is like."""

from __future__ import annotations

import copy
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of, namespace_of
from podo.controllers.replicaset import pod_for
from podo.controllers.revisions import HASH, template_of

NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"


def start_of(statefulset: Obj) -> int:
    return int((statefulset["spec"].get("ordinals") or {}).get("start") or 0)


def ordinal_of(statefulset: Obj, pod: Obj) -> int:
    """The pod's number by its name; -1 for a name of another form."""
    parent, _, number = name_of(pod).rpartition("-")
    is_number = number.isascii() and number.isdecimal() and len(number) < 10
    return int(number) if parent == name_of(statefulset) and is_number else -1


def is_member(statefulset: Obj, pod: Obj) -> bool:
    """Has the pod a name that the StatefulSet's pods have?"""
    return ordinal_of(statefulset, pod) >= 0


def identity(name: str, ordinal: int) -> dict[str, str]:
    """The labels by which a numbered pod is found."""
    return {NAME_LABEL: name, INDEX_LABEL: str(ordinal)}


def revision_of(pod: Obj) -> str:
    """The name of the revision that the pod was made of."""
    return labels_of(pod).get(HASH, "")


def claim_name(statefulset: Obj, template: Obj, ordinal: int) -> str:
    return f"{name_of(template)}-{name_of(statefulset)}-{ordinal}"


def claim_templates(statefulset: Obj) -> list[Obj]:
    return statefulset["spec"].get("volumeClaimTemplates") or []


def numbered_pod(statefulset: Obj, revision: Obj, ordinal: int) -> Obj:
    """The pod of a number, of the template that ``revision`` holds."""
    name = f"{name_of(statefulset)}-{ordinal}"
    source = {**statefulset, "spec": {**statefulset["spec"], "template": template_of(revision)}}
    pod = pod_for(source, name)
    labels = {**identity(name, ordinal), HASH: name_of(revision)}
    pod["metadata"]["labels"] = {**(pod["metadata"].get("labels") or {}), **labels}
    spec = pod["spec"]
    spec["hostname"] = name
    if service := statefulset["spec"].get("serviceName"):
        spec["subdomain"] = service
    spec["volumes"] = _volumes(statefulset, spec.get("volumes") or [], ordinal)
    return pod


def _volumes(statefulset: Obj, present: list[dict[str, Any]], ordinal: int) -> list[dict[str, Any]]:
    """The template's volumes, those of a claim template's name replaced by the claim."""
    claims = [
        {"name": name_of(t), "persistentVolumeClaim": {"claimName": claim_name(statefulset, t, ordinal)}}
        for t in claim_templates(statefulset)
    ]
    taken = {claim["name"] for claim in claims}
    return [*claims, *(volume for volume in present if volume["name"] not in taken)]


def numbered_claim(statefulset: Obj, template: Obj, ordinal: int) -> Obj:
    claim = copy.deepcopy(template)
    metadata = claim.get("metadata") or {}
    selected = (statefulset["spec"].get("selector") or {}).get("matchLabels") or {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(statefulset, template, ordinal),
            "namespace": namespace_of(statefulset),
            "labels": {**(metadata.get("labels") or {}), **selected},
            **({"annotations": metadata["annotations"]} if metadata.get("annotations") else {}),
        },
        "spec": claim.get("spec") or {},
    }
