"""ResourceClaims: those of templates are made for their pods; pods that are gone use theirs no more, and a claim that
nobody uses gives its devices back.

Events: FailedResourceClaimCreation. Source: "Dynamic Resource Allocation" of the Kubernetes documentation; KEP-4381.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import (
    annotations_of,
    controller_of,
    is_controlled_by,
    is_deleting,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from podo.api.parts.podclaims import claim_names, made_for
from podo.controllers.podstate import is_finished
from podo.reconcile.actions import Action, Create, Delete, EnsureAbsent, OnRefusal, Patch, Tell
from podo.reconcile.declare import Among, Key, View, controller

CLAIM, TEMPLATE = "ResourceClaim", "ResourceClaimTemplate"
#: On a claim made from a template: which of the pod's ``spec.resourceClaims`` it is.
POD_CLAIM = "resource.kubernetes.io/pod-claim-name"
FINALIZER = "resource.kubernetes.io/delete-protection"
CONSUMERS_MAX = 256
#: The longest base of a generated name.
_BASE_MAX = 253 - 5


# Claims of pods


def _uses_claims(pod: Obj) -> bool:
    return bool(pod["spec"].get("resourceClaims"))


def _of_template(template: Obj, view: View) -> Iterator[Key]:
    for pod in view.list("Pod", namespace_of(template)):
        wanted = (each.get("resourceClaimTemplateName") for each in pod["spec"].get("resourceClaims") or ())
        if name_of(template) in wanted and len(made_for(pod)) < len(pod["spec"]["resourceClaims"]):
            yield Key(namespace_of(pod), name_of(pod))


@controller(
    reconciles="Pod",
    owns=(CLAIM,),
    watches={TEMPLATE: Among("Pod", _of_template)},
    name="resourceclaimtemplate",
    minds=_uses_claims,
)
def of_pods(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None or not _uses_claims(pod) or is_deleting(pod) or is_finished(pod):
        return
    made, new = made_for(pod), {}
    for each in pod["spec"]["resourceClaims"]:
        name = each["name"]
        if each.get("resourceClaimName"):
            yield from _reserved(pod, each["resourceClaimName"], view)
        elif made.get(name) and view.get(CLAIM, made[name], key.namespace) is not None:
            yield from _reserved(pod, made[name], view)
        elif (found := _orphan(pod, name, view)) is not None:
            new[name] = name_of(found)
        elif (template := view.get(TEMPLATE, each.get("resourceClaimTemplateName") or "", key.namespace)) is None:
            yield Tell(pod, "FailedResourceClaimCreation", _no_template(each), "Warning")
        else:
            taken = {name_of(claim) for claim in view.list(CLAIM, key.namespace)}
            new[name] = next(iter(view.names(f"{name_of(pod)}-{name}"[:_BASE_MAX] + "-", taken)))
            yield Create(_claim(pod, name, new[name], template), on_refusal=_not_created(pod, name))
    if new:
        statuses = [{"name": name, "resourceClaimName": claim} for name, claim in new.items()]
        patch = {"metadata": {"uid": uid_of(pod)}, "status": {"resourceClaimStatuses": statuses}}
        yield Patch(pod, patch, "strategic", subresource="status")


def _orphan(pod: Obj, name: str, view: View) -> Obj | None:
    """A claim that was made for the pod, but is not in its status yet."""
    owned = view.owned_by(pod, CLAIM)
    return next((claim for claim in owned if annotations_of(claim).get(POD_CLAIM) == name), None)


def _no_template(asked: Obj) -> str:
    name = asked.get("resourceClaimTemplateName") or ""
    why = f'resourceclaimtemplate.resource.k8s.io "{name}" not found'
    return f'PodResourceClaim {asked["name"]}: resource claim template "{name}": {why}'


def _not_created(pod: Obj, name: str) -> OnRefusal:
    def actions(error: Exception) -> Iterator[Action]:
        text = f"PodResourceClaim {name}: create ResourceClaim : {error}"  # upstream's has no name yet
        yield Tell(pod, "FailedResourceClaimCreation", text, "Warning")

    return actions


def _claim(pod: Obj, name: str, claim_name: str, template: Obj) -> Obj:
    given = template["spec"].get("metadata") or {}
    metadata = {
        "name": claim_name,
        "namespace": namespace_of(pod),
        "annotations": {**(given.get("annotations") or {}), POD_CLAIM: name},
        "ownerReferences": [owner_reference(pod)],
        **({"labels": given["labels"]} if given.get("labels") else {}),
    }
    spec = template["spec"].get("spec") or {}
    return {"apiVersion": "resource.k8s.io/v1", "kind": CLAIM, "metadata": metadata, "spec": spec}


def _reserved(pod: Obj, name: str, view: View) -> Iterator[Action]:
    """A pod that was put on its node by hand uses its claims like one that the scheduler has placed."""
    claim = view.get(CLAIM, name, namespace_of(pod))
    status = (claim or {}).get("status") or {}
    if claim is None or not pod["spec"].get("nodeName") or not status.get("allocation"):
        return
    users = status.get("reservedFor") or []
    if len(users) < CONSUMERS_MAX and all(user.get("uid") != uid_of(pod) for user in users):
        user = {"resource": "pods", "name": name_of(pod), "uid": uid_of(pod)}
        yield _status(claim, {"reservedFor": [*users, user]})


# Users of claims


def _claims_of(pod: Obj, view: View) -> Iterator[Key]:
    for name in claim_names(pod):
        yield Key(namespace_of(pod), name)


@controller(reconciles=CLAIM, watches={"Pod": _claims_of}, name="resourceclaim")
def reconcile(key: Key, view: View) -> Iterator[Action]:
    claim = view.get(CLAIM, key.name, key.namespace)
    if claim is None:
        return
    status = claim.get("status") or {}
    users = status.get("reservedFor") or []
    left = [user for user in users if not _is_done(user, key.namespace, view)]
    for user in users:
        if user not in left and _pod(user, key.namespace, view) is None:
            yield EnsureAbsent("Pod", key.namespace, user["name"], user["uid"])
    unused = not left and FINALIZER in (claim["metadata"].get("finalizers") or ())
    if len(left) < len(users) or (unused and status.get("allocation") and is_deleting(claim)):
        yield _status(claim, {"reservedFor": left or None, **({"allocation": None} if unused else {})})
    if unused and not (status.get("allocation") and not users and not is_deleting(claim)):
        kept = [each for each in claim["metadata"]["finalizers"] if each != FINALIZER]
        yield Patch(claim, {"metadata": {"uid": uid_of(claim), "finalizers": kept}})
    if not left and not is_deleting(claim) and _owner_is_done(claim, view):
        yield Delete(claim)


def _status(claim: Obj, status: dict[str, Any]) -> Patch:
    """At the state that was looked at: who else has begun to use it is not forgotten."""
    metadata = {"uid": uid_of(claim), "resourceVersion": claim["metadata"]["resourceVersion"]}
    return Patch(claim, {"metadata": metadata, "status": status}, subresource="status")


def _pod(user: Obj, namespace: str, view: View) -> Obj | None:
    pod = view.get("Pod", user.get("name") or "", namespace)
    return pod if pod is not None and uid_of(pod) == user.get("uid") else None


def _is_done(user: Obj, namespace: str, view: View) -> bool:
    """Does a user of a claim need it no more? Users of other kinds than pods say so themselves."""
    if user.get("apiGroup") or user.get("resource") != "pods":
        return False
    pod = _pod(user, namespace, view)
    return pod is None or _pod_is_done(pod)


def _pod_is_done(pod: Obj) -> bool:
    """It has ended, or goes without ever having had a node."""
    return is_finished(pod) or (is_deleting(pod) and not pod["spec"].get("nodeName"))


def _owner_is_done(claim: Obj, view: View) -> bool:
    """Was the claim made for a pod that will not run any more? (If it is gone, the garbage collector sees to it.)"""
    owner = controller_of(claim)
    if owner is None or owner.get("kind") != "Pod" or owner.get("apiVersion") != "v1":
        return False
    pod = view.get("Pod", owner["name"], namespace_of(claim))
    return pod is not None and is_controlled_by(claim, pod) and _pod_is_done(pod)
