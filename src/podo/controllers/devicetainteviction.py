"""Device taint eviction: pods whose devices get a NoExecute taint leave at once, or after the tolerationSeconds of what
their claim tolerates; a DeviceTaintRule says in its status how far that is.

Source: "Device taints and tolerations" of the Kubernetes documentation; KEP-5055.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of, is_deleting, name_of, namespace_of, uid_of
from podo.api.parts.podclaims import claim_names
from podo.api.parts.tolerations import tolerates
from podo.controllers.podstate import disrupted, is_finished
from podo.reconcile.actions import Action, CheckAgain, Delete, SetStatus, Tell
from podo.reconcile.declare import Among, Key, View, controller
from podo.values import timestamp

CLAIM, RULE, SLICE = "ResourceClaim", "DeviceTaintRule", "ResourceSlice"
_IN_PROGRESS = "EvictionInProgress"
#: Driver, pool and device -> its taints.
_Tainted = dict[tuple[str, str, str], list[Obj]]


def _has_node(pod: Obj) -> bool:
    extended = (pod.get("status") or {}).get("extendedResourceClaimStatus")
    return bool(pod["spec"].get("nodeName") and (pod["spec"].get("resourceClaims") or extended))


def _users(claim: Obj, view: View) -> Iterator[Key]:
    for user in (claim.get("status") or {}).get("reservedFor") or ():
        if user.get("resource") == "pods":
            yield Key(namespace_of(claim), user["name"])


def _all_users(obj: Obj, view: View) -> Iterator[Key]:
    if _executes(obj):
        for claim in view.list(CLAIM):
            yield from _users(claim, view)


def _executes(obj: Obj) -> bool:
    """Does a slice or rule have a taint that evicts?"""
    spec = obj.get("spec") or {}
    taints = [spec.get("taint") or {}, *(t for d in spec.get("devices") or () for t in d.get("taints") or ())]
    return any(taint.get("effect") == "NoExecute" for taint in taints)


@controller(
    reconciles="Pod",
    watches={CLAIM: _users, RULE: Among(CLAIM, _all_users), SLICE: Among(CLAIM, _all_users)},
    name="devicetainteviction",
    minds=_has_node,
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None or not _has_node(pod) or is_deleting(pod) or is_finished(pod):
        return
    moment = evicted_at(pod, view)
    if moment is None:
        return
    if moment > view.now:
        yield CheckAgain(moment - view.now)
        return
    yield Tell(pod, "DeviceTaintManagerEviction", "Marking for deletion")
    message = "Device Taint manager: deleting due to NoExecute taint"
    yield disrupted(pod, "DeletionByDeviceTaintManager", message, view.now)
    yield Delete(pod)


def evicted_at(pod: Obj, view: View) -> float | None:
    """When the pod must go (seconds), for the first of its devices; None where it may stay for ever."""
    results = [result for claim in _claims(pod, view) for result in _results(claim)]
    tainted = _tainted(view) if results else {}
    moments = (_of_result(result, tainted, view) for result in results)
    return min((moment for moment in moments if moment is not None), default=None)


def _claims(pod: Obj, view: View) -> Iterator[Obj]:
    """Those that the pod has devices of."""
    for name in claim_names(pod):
        claim = view.get(CLAIM, name, namespace_of(pod))
        users = ((claim or {}).get("status") or {}).get("reservedFor") or ()
        if claim is not None and any(user.get("uid") == uid_of(pod) for user in users):
            yield claim


def _results(claim: Obj) -> list[Any]:
    allocation = (claim.get("status") or {}).get("allocation") or {}
    return list((allocation.get("devices") or {}).get("results") or ())


def _of_result(result: Obj, tainted: _Tainted, view: View) -> float | None:
    moments = []
    for taint in _taints(result, tainted, view):
        matching = [each for each in result.get("tolerations") or () if tolerates(each, taint)]
        if not matching:
            return view.now
        limits = [max(0, int(t["tolerationSeconds"])) for t in matching if t.get("tolerationSeconds") is not None]
        if limits:
            since = timestamp.parse(taint["timeAdded"]) if taint.get("timeAdded") else view.now
            moments.append(since + min(limits))
    return min(moments, default=None)


def _taints(result: Obj, tainted: _Tainted, view: View) -> Iterator[Obj]:
    """The NoExecute taints of an allocated device: of rules, and of its slice."""
    for rule in view.list(RULE):
        if rule["spec"]["taint"].get("effect") == "NoExecute" and _selects(rule, result):
            yield rule["spec"]["taint"]
    yield from tainted.get((result["driver"], result["pool"], result["device"]), ())


def _tainted(view: View) -> _Tainted:
    """The devices of all slices that have NoExecute taints: looked through once, however many devices a pod has."""
    found: _Tainted = {}
    for piece in view.list(SLICE):
        spec = piece["spec"]
        for device in spec.get("devices") or ():
            taints = [taint for taint in device.get("taints") or () if taint.get("effect") == "NoExecute"]
            if taints:
                found.setdefault((spec["driver"], spec["pool"]["name"], device["name"]), []).extend(taints)
    return found


def _selects(rule: Obj, result: Obj) -> bool:
    selector = rule["spec"].get("deviceSelector")
    if selector is None:
        return False
    return all(not selector.get(field) or selector[field] == result[field] for field in ("driver", "pool", "device"))


# What a rule says of itself


def _rules_of(obj: Obj, view: View) -> Iterator[Key]:
    for rule in view.list(RULE):
        yield Key("", name_of(rule))


@controller(
    reconciles=RULE,
    watches={CLAIM: Among(RULE, _rules_of), "Pod": Among(RULE, _rules_of)},
    name="devicetaintrulestatus",
)
def status(key: Key, view: View) -> Iterator[Action]:
    rule = view.get(RULE, key.name)
    if rule is None or is_deleting(rule):
        return
    pods = _pending(rule, view) if rule["spec"]["taint"].get("effect") == "NoExecute" else 0
    if not pods and condition_of(rule, _IN_PROGRESS) is None:
        return
    condition = {
        "type": _IN_PROGRESS,
        "status": "True" if pods else "False",
        "reason": "PodsPendingEviction" if pods else "NotStarted" if not _executes(rule) else "Completed",
        "message": f"{pods} pod{'s' if pods != 1 else ''} need{'s' if pods == 1 else ''} to be evicted.",
        "observedGeneration": rule["metadata"].get("generation", 0),
    }
    old = condition_of(rule, _IN_PROGRESS)
    same = old is not None and old.get("status") == condition["status"]
    since = old["lastTransitionTime"] if old is not None and same else timestamp.time(view.now)
    others = [c for c in (rule.get("status") or {}).get("conditions") or () if c.get("type") != _IN_PROGRESS]
    yield SetStatus(rule, {"conditions": [*others, {**condition, "lastTransitionTime": since}]})


def _pending(rule: Obj, view: View) -> int:
    """Pods that have a device of the rule and do not tolerate its taint for ever."""
    found: set[str] = set()
    for claim in view.list(CLAIM):
        concerned = [result for result in _results(claim) if _selects(rule, result)]
        if any(_leaves(result, rule["spec"]["taint"]) for result in concerned):
            found |= {user["uid"] for user in (claim.get("status") or {}).get("reservedFor") or ()}
    return len(found)


def _leaves(result: Obj, taint: Obj) -> bool:
    matching = [each for each in result.get("tolerations") or () if tolerates(each, taint)]
    return not matching or any(each.get("tolerationSeconds") is not None for each in matching)
