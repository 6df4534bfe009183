"""The claims of a StatefulSet's pods: made before their pod, and owned so that they go when the retention says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.controllers.statefulset.identity import claim_name, claim_templates, numbered_claim, ordinal_of
from podo.reconcile.actions import Action, Create, Patch, Tell
from podo.reconcile.declare import View

CLAIM = "PersistentVolumeClaim"


def missing_claims(statefulset: Obj, ordinal: int, view: View) -> Iterator[Action]:
    """Creates the claims that the pod of this number lacks."""
    pod = f"{name_of(statefulset)}-{ordinal}"
    for template in claim_templates(statefulset):
        name = claim_name(statefulset, template, ordinal)
        if view.get(CLAIM, name, namespace_of(statefulset)) is None:
            yield Create(numbered_claim(statefulset, template, ordinal))
            text = f"create Claim {name} Pod {pod} in StatefulSet {name_of(statefulset)} success"
            yield Tell(statefulset, "SuccessfulCreate", text)


def owned_claims(statefulset: Obj, pod: Obj, condemned: bool, view: View) -> Iterator[Action]:
    """Owner references by which garbage collection deletes a claim: with its StatefulSet, or with its pod."""
    policy = statefulset["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    with_pod = condemned and policy.get("whenScaled") == "Delete"
    with_set = policy.get("whenDeleted") == "Delete" and not with_pod
    for template in claim_templates(statefulset):
        name = claim_name(statefulset, template, ordinal_of(statefulset, pod))
        claim = view.get(CLAIM, name, namespace_of(statefulset))
        if claim is None:
            continue
        present = claim["metadata"].get("ownerReferences") or []
        others = [one for one in present if not _is_ours(one, statefulset, pod)]
        wanted = [*others]
        if with_set:
            wanted.append(_reference(statefulset))
        if with_pod:
            wanted.append(_reference(pod))
        if _uids(wanted) != _uids(present):
            metadata = {"uid": uid_of(claim), "resourceVersion": claim["metadata"]["resourceVersion"]}
            yield Patch(claim, {"metadata": {**metadata, "ownerReferences": wanted or None}})


def _is_ours(reference: dict[str, Any], statefulset: Obj, pod: Obj) -> bool:
    """References to this StatefulSet, and to this pod or an earlier one of its name."""
    is_pod = reference.get("kind") == "Pod" and reference.get("name") == name_of(pod)
    return is_pod or reference.get("uid") == uid_of(statefulset)


def _reference(owner: Obj) -> dict[str, Any]:
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name_of(owner), "uid": uid_of(owner)}


def _uids(references: list[dict[str, Any]]) -> set[Any]:
    return {reference.get("uid") for reference in references}
