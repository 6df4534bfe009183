"""The claims of a StatefulSet's pods: made before their pod, and owned so that they go when the retention says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, owner_reference, uid_of
from podo.controllers.statefulset.identity import claim_name, claim_templates, numbered_claim, ordinal_of
from podo.reconcile.actions import Action, Create, OnRefusal, Patch, Tell
from podo.reconcile.declare import View
from podo.reconcile.refusals import of_going_namespace

CLAIM = "PersistentVolumeClaim"


def missing_claims(statefulset: Obj, ordinal: int, view: View, failed: OnRefusal) -> Iterator[Action]:
    """Creates the claims that the pod of this number lacks. ``failed``: what it means for the pod to lack one."""
    pod = f"{name_of(statefulset)}-{ordinal}"
    for template in claim_templates(statefulset):
        name = claim_name(statefulset, template, ordinal)
        if view.get(CLAIM, name, namespace_of(statefulset)) is None:
            refused = _refused(statefulset, name, pod, failed)
            yield Create(numbered_claim(statefulset, template, ordinal), on_refusal=refused)
            text = f"create Claim {name} Pod {pod} in StatefulSet {name_of(statefulset)} success"
            yield Tell(statefulset, "SuccessfulCreate", text)


def _refused(statefulset: Obj, claim: str, pod: str, failed: OnRefusal) -> OnRefusal:
    def actions(error: Exception) -> Iterator[Action]:
        if of_going_namespace(error):
            yield from failed(error)
            return
        text = f"create Claim {claim} for Pod {pod} in StatefulSet {name_of(statefulset)} failed error: {error}"
        yield Tell(statefulset, "FailedCreate", text, "Warning")
        yield from failed(RuntimeError(f"failed to create PVC {claim}: {error}"))

    return actions


def is_stale(statefulset: Obj, ordinal: int, view: View) -> bool:
    """Has the pod of this number a claim that goes with an earlier pod of its name?"""
    names = (claim_name(statefulset, template, ordinal) for template in claim_templates(statefulset))
    claims = [view.get(CLAIM, name, namespace_of(statefulset)) for name in names]
    return any(_means(r, "Pod", f"{name_of(statefulset)}-{ordinal}") for c in claims if c for r in _references(c))


def owned_claims(statefulset: Obj, pod: Obj, condemned: bool, view: View) -> Iterator[Action]:
    """Owner references by which garbage collection deletes a claim: with its StatefulSet, or with its pod."""
    for template in claim_templates(statefulset):
        name = claim_name(statefulset, template, ordinal_of(statefulset, pod))
        claim = view.get(CLAIM, name, namespace_of(statefulset))
        if claim is None:
            continue
        wanted = _owners(claim, statefulset, pod, condemned)
        if _essence(wanted) != _essence(_references(claim)):
            metadata = {"uid": uid_of(claim), "resourceVersion": claim["metadata"]["resourceVersion"]}
            yield Patch(claim, {"metadata": {**metadata, "ownerReferences": wanted or None}})


def _owners(claim: Obj, statefulset: Obj, pod: Obj, condemned: bool) -> list[dict[str, Any]]:
    """The claim's owners as the policy wants them. What belongs to an earlier set or pod is left alone, and nothing
    gets a second controller."""
    policy = statefulset["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    deletes = {moment for moment in ("whenScaled", "whenDeleted") if policy.get(moment) == "Delete"}
    present, others = _references(claim), []
    for one in present:
        owner = next((each for each in (statefulset, pod) if _means(one, each["kind"], name_of(each))), None)
        if owner is None:
            others.append(one)
        elif one.get("uid") != uid_of(owner):
            return present
    if not deletes or any(one.get("controller") for one in others):
        return others
    if condemned and "whenScaled" in deletes:
        return [*others, owner_reference(pod)]
    return [*others, owner_reference(statefulset)] if "whenDeleted" in deletes else others


def _means(reference: dict[str, Any], kind: str, name: str) -> bool:
    return reference.get("kind") == kind and reference.get("name") == name


def _references(claim: Obj) -> list[dict[str, Any]]:
    return claim["metadata"].get("ownerReferences") or []


def _essence(references: list[dict[str, Any]]) -> set[tuple[Any, bool]]:
    return {(reference.get("uid"), bool(reference.get("controller"))) for reference in references}
