"""From a workload to what keeps it from being as wanted: its conditions, then its replica sets or jobs, then pods."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, name_of
from podo.cluster.why.finding import Finding, Picture, few, title
from podo.cluster.why.pods import ExplainPlace, is_well, ready_line, why_claim, why_pod
from podo.scheduler import follow

#: Kinds that can be asked about.
WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")
ASKED = ("Pod", "PersistentVolumeClaim", "Node", *WORKLOADS)
#: Kinds that must be in the picture.
KINDS = tuple(dict.fromkeys((*follow.KINDS, *WORKLOADS, "Event")))
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
        return why_claim(obj, picture, place, follow=True)
    if kind == "Node":
        return Finding(title(obj), tuple(_node(obj)))
    says = (*_short_of(obj), *_conditions(obj), *picture.warnings(obj))
    made = [each for child in _MADE.get(kind, ("Pod",)) for each in picture.owned_by(obj, child)]
    causes = [why(each, picture, place) for each in made if not _is_well(each)]
    if not says and not causes:
        return Finding(title(obj), ("is as wanted",))
    return Finding(title(obj), says or ("not as wanted",), few(causes, _MADE.get(kind, ("Pod",))[0] + "s"))


def _is_well(obj: Obj) -> bool:
    if obj["kind"] == "Pod":
        return is_well(obj)
    return not list(_short_of(obj)) and not list(_conditions(obj))


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
