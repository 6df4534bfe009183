"""From a workload to what keeps it from being as wanted: its conditions, then its replica sets or jobs, then pods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, is_deleting, name_of, namespace_of
from podo.cluster.why import deleting, deviceclaims, refusals, volumeclaims
from podo.cluster.why.finding import Finding, Picture, few, title
from podo.cluster.why.pods import ExplainPlace, is_well, ready_line, why_pod

#: Kinds that can be asked about.
WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")
ASKED = ("Pod", "PersistentVolumeClaim", "ResourceClaim", "Node", "Namespace", *WORKLOADS)
#: Kinds that are looked at in the namespace of the object, and in the whole cluster.
IN_NAMESPACE = (
    *("Pod", "PersistentVolumeClaim", "ResourceClaim", "ResourceClaimTemplate", "ResourceQuota", "Event"),
    *WORKLOADS,
)
CLUSTER_WIDE = (
    *("StorageClass", "CSIDriver", "DeviceClass", "ResourceSlice"),
    *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
)
#: What each makes.
_MADE = {"Deployment": ("ReplicaSet",), "CronJob": ("Job",)}
#: Conditions that are bad news when they are True.
_BAD = frozenset({"ReplicaFailure", "Failed", "FailureTarget"})


def why(obj: Obj, picture: Picture, place: ExplainPlace) -> Finding:
    """``place`` explains pods without a node."""
    kind = obj["kind"]
    if kind == "Pod":
        return why_pod(obj, picture, place)
    if kind == "PersistentVolumeClaim":
        return _claim(obj, volumeclaims.why_claim(obj, picture), volumeclaims.users(obj, picture), picture, place)
    if kind == "ResourceClaim":
        return deviceclaims.why_claim(obj, picture)
    if kind == "Node":
        return Finding(title(obj), (*_node(obj), *deleting.lines(obj, picture)))
    if kind == "Namespace":
        return deleting.why_namespace(obj, picture)
    return _workload(obj, picture, place)


def _claim(claim: Obj, found: Finding, users: Iterator[Obj], picture: Picture, place: ExplainPlace) -> Finding:
    """With the first pod that waits for a node, where the claim waits for that."""
    if (claim.get("status") or {}).get("phase") == "Bound":
        return found
    waiting = [pod for pod in users if not pod["spec"].get("nodeName")]
    # Of the pod without its claims: this one is what is asked about.
    pods = tuple(replace(why_pod(pod, picture, place), causes=()) for pod in waiting[:1])
    return replace(found, causes=pods)


def _workload(obj: Obj, picture: Picture, place: ExplainPlace) -> Finding:
    children = _MADE.get(obj["kind"], ("Pod",))
    warnings = picture.warnings(obj)
    says = (*deleting.lines(obj, picture), *_short_of(obj), *_conditions(obj), *warnings)
    made = [each for child in children for each in picture.owned_by(obj, child)]
    causes = [why(each, picture, place) for each in made if not _is_well(each)]
    refusers = () if obj["kind"] in _MADE and causes else tuple(refusals.causes(says, namespace_of(obj), picture))
    if not says and not causes:
        return Finding(title(obj), ("is as wanted",))
    return Finding(title(obj), says or ("not as wanted",), (*refusers, *few(causes, children[0] + "s")))


def _is_well(obj: Obj) -> bool:
    if obj["kind"] == "Pod":
        return is_well(obj)
    return not is_deleting(obj) and not list(_short_of(obj)) and not list(_conditions(obj))


def _short_of(obj: Obj) -> Iterator[str]:
    """What is missing between what is wanted and what there is."""
    spec, status, kind = obj.get("spec") or {}, obj.get("status") or {}, obj["kind"]
    if spec.get("paused"):
        yield "is paused"
    if spec.get("suspend"):
        yield "is suspended"
    if kind == "DaemonSet":
        wanted, has = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberAvailable") or 0)
    elif kind in ("Job", "CronJob"):
        return
    else:
        wanted, has = int(spec.get("replicas", 1)), int(status.get("availableReplicas") or 0)
    if has < wanted:
        yield f"wants {wanted}, has {has} available"


def _conditions(obj: Obj) -> Iterator[str]:
    for each in (obj.get("status") or {}).get("conditions") or ():
        bad = each.get("status") == ("True" if each["type"] in _BAD else "False")
        if bad and each["type"] not in ("Available", "Suspended", "Complete"):
            yield f"{each['type']}: {each.get('reason', '')}: {each.get('message', '')}"


def _node(node: Obj) -> Iterator[str]:
    yield "is ready" if condition_is_true(node, "Ready") else f"is not ready: {ready_line(node)}"
    if (node.get("spec") or {}).get("unschedulable"):
        yield f"is cordoned: kubectl uncordon {name_of(node)} opens it"
    for taint in (node.get("spec") or {}).get("taints") or ():
        yield f"has the taint {taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}"
