"""HorizontalPodAutoscaler: looks at what the pods of a workload use and gives it as many replicas as its metrics ask.

It looks every 15 seconds, the first time so long after the autoscaler came, and at nothing sooner: neither at what its
target does meanwhile nor at its own changed spec (``--horizontal-pod-autoscaler-sync-period``). Source: API reference
HorizontalPodAutoscaler v2, "Horizontal Pod Autoscaling".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.controllers import conditions, scaletargets
from podo.controllers.horizontalpodautoscaler.adapters import NotYet
from podo.controllers.horizontalpodautoscaler.limits import Bounded, Memory, bounded, rules_of
from podo.controllers.horizontalpodautoscaler.measuring import NoMetrics, Tolerance
from podo.controllers.horizontalpodautoscaler.metrics import (
    FAILED,
    PODMETRICS,
    MetricValues,
    Said,
    Workload,
    in_sum,
    said,
)
from podo.controllers.scaletargets import DEFINITION, NotScaled, Target
from podo.reconcile.actions import Action, CheckAgain, Patch, Rest, SetStatus, Tell
from podo.reconcile.declare import Declaration, Key, Later, View, controller, nothing
from podo.values import timestamp

KIND = "HorizontalPodAutoscaler"
#: How often an autoscaler is looked at, whatever happens or fails.
SYNC_SECONDS = 15.0
#: When to look again while an adapter has not answered yet.
SOON_SECONDS = 1.0
#: Kinds that can be scaled and that every cluster has.
SCALED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
TOLERANCE = 0.1

Condition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look led to. ``desired`` None: nothing could be computed. ``reason``: why the number changes."""

    conditions: list[Condition]
    desired: int | None = None
    reason: str = ""
    metrics: Sequence[Obj] = ()
    events: Sequence[tuple[str, str, str]] = ()  # type, reason, message


def autoscaler(values: MetricValues) -> Declaration:
    """The controller. It remembers recommendations and rates of each autoscaler while it lives."""
    memories: dict[str, Memory] = {}

    @controller(
        name="horizontalpodautoscaler",
        reconciles=KIND,
        watches={KIND: _next_time},
        reads=(*SCALED, PODMETRICS, "Pod", DEFINITION),
        minds=nothing,
    )
    def reconcile(key: Key, view: View) -> Iterator[Action]:
        hpa = view.get(KIND, key.name, key.namespace)
        if hpa is None:
            living = {uid_of(each) for each in view.list(KIND)}
            for uid in memories.keys() - living:
                del memories[uid]
            return
        memory = memories.setdefault(uid_of(hpa), Memory())
        memory.forget(view.now)
        try:
            yield from scaled(hpa, view, memory, values)
        except NotYet:
            yield CheckAgain(SOON_SECONDS)
        else:
            yield CheckAgain(SYNC_SECONDS)
            yield Rest(SYNC_SECONDS)

    return reconcile


def _next_time(hpa: Obj, view: View) -> Iterator[Later]:
    """Where a look is due anyway this asks for none: of several times for a key the earliest counts."""
    yield Later(Key(namespace_of(hpa), name_of(hpa)), SYNC_SECONDS)


def scaled(hpa: Obj, view: View, memory: Memory, values: MetricValues) -> Iterator[Action]:
    """One look at one autoscaler. ``NotYet``, before anything is wanted, while an adapter has not answered."""
    old = list((hpa.get("status") or {}).get("conditions") or ())
    try:
        target = _target(hpa, view)
    except NotScaled as why:
        message = f"the HPA controller was unable to get the target's current scale: {why}"
        found = _set(old, "AbleToScale", False, "FailedGetScale", message, view.now)
        yield Tell(hpa, "FailedGetScale", str(why), "Warning")
        yield SetStatus(hpa, _status(hpa, found, None, None, (), None))
        return
    scale = target.scale
    current = int(scale["spec"]["replicas"])
    memory.begin(view.now, current)
    told = "the HPA controller was able to get the target's current scale"
    found = _set(old, "AbleToScale", True, "SucceededGetScale", told, view.now)
    outcome = _decide(hpa, target, scale, found, view, memory, values)
    for type_, reason, message in outcome.events:
        yield Tell(hpa, reason, message, type_)
    if outcome.desired is None:
        yield SetStatus(hpa, _status(hpa, outcome.conditions, current, None, (), None))
        return
    if outcome.desired == current:
        yield SetStatus(hpa, _status(hpa, outcome.conditions, current, current, outcome.metrics, None))
        return
    yield from _rescale(hpa, target, current, outcome, memory, view.now)


def _rescale(hpa: Obj, target: Target, current: int, outcome: Outcome, memory: Memory, now: float) -> Iterator[Action]:
    desired = outcome.desired
    assert desired is not None
    text = f"New size: {desired}; reason: {outcome.reason}"
    refused = _refused(hpa, current, outcome, text, now)
    yield Patch(target.obj, {"spec": {"replicas": desired}}, "merge", subresource="scale", on_refusal=refused)
    memory.scaled(now, current, desired)
    yield Tell(hpa, "SuccessfulRescale", text)
    message = f"the HPA controller was able to update the target scale to {desired}"
    found = _set(outcome.conditions, "AbleToScale", True, "SucceededRescale", message, now)
    yield SetStatus(hpa, _status(hpa, found, current, desired, outcome.metrics, now))


def _refused(
    hpa: Obj, current: int, outcome: Outcome, text: str, now: float
) -> Callable[[Exception], Iterator[Action]]:
    def actions(error: Exception) -> Iterator[Action]:
        yield Tell(hpa, "FailedRescale", f"{text}; error: {error}", "Warning")
        message = f"the HPA controller was unable to update the target scale: {error}"
        found = _set(outcome.conditions, "AbleToScale", False, "FailedUpdateScale", message, now)
        yield SetStatus(hpa, _status(hpa, found, current, current, outcome.metrics, None))

    return actions


def _target(hpa: Obj, view: View) -> Target:
    return scaletargets.target(hpa["spec"]["scaleTargetRef"], namespace_of(hpa), view)


def _decide(
    hpa: Obj, target: Target, scale: Obj, found: list[Condition], view: View, memory: Memory, values: MetricValues
) -> Outcome:
    spec, current = hpa["spec"], int(scale["spec"]["replicas"])
    least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
    if current == 0 and least != 0:
        message = "scaling is disabled since the replica count of the target is zero"
        return Outcome(_set(found, "ScalingActive", False, "ScalingDisabled", message, view.now), 0)
    if current > most:
        return Outcome(found, most, "Current number of replicas above Spec.MaxReplicas")
    if current < least:
        return Outcome(found, least, "Current number of replicas below Spec.MinReplicas")
    pods = scaletargets.pods_of(target, view)
    selector = str(scale["status"].get("selector") or "")
    if not selector:
        told = ("SelectorRequired", "selector is required")
        return _not_active(found, "InvalidSelector", "the HPA target's scale is missing a selector", told, view.now)
    if len(rivals := _rivals(hpa, pods, view)) > 1:
        text = f"pods by selector {selector} are controlled by multiple HPAs: [{' '.join(rivals)}]"
        return _not_active(found, "AmbiguousSelector", text, ("AmbiguousSelector", text), view.now)
    workload = _workload(hpa, pods, scale, view, values)
    return _by_metrics(hpa, workload, found, memory, view.now)


def _not_active(found: list[Condition], reason: str, message: str, told: tuple[str, str], now: float) -> Outcome:
    """Nothing can be computed. ``told``: reason and message of the Event that says so; a second one sums up."""
    events = [("Warning", *told), ("Warning", "FailedComputeMetricsReplicas", told[1])]
    return Outcome(_set(found, "ScalingActive", False, reason, message, now), events=events)


def _rivals(hpa: Obj, pods: list[Obj], view: View) -> list[str]:
    """The autoscalers, this one among them, whose targets have one of these pods."""
    uids = {uid_of(pod) for pod in pods}
    found = []
    for other in view.list(KIND, namespace_of(hpa)):
        try:
            theirs = pods if other is hpa else scaletargets.pods_of(_target(other, view), view)
        except NotScaled:
            continue
        if any(uid_of(pod) in uids for pod in theirs):
            found.append(f"{namespace_of(other)}/{name_of(other)}")
    return found


def _workload(hpa: Obj, pods: list[Obj], scale: Obj, view: View, values: MetricValues) -> Workload:
    namespace = namespace_of(hpa)
    usage: dict[str, Obj] = {}
    for pod in pods:
        if measured := view.get(PODMETRICS, name_of(pod), namespace):
            usage[name_of(pod)] = measured
    up, down = (rules_of(hpa["spec"], direction).get("tolerance") for direction in ("scaleUp", "scaleDown"))
    tolerance = Tolerance(*(TOLERANCE if each is None else float(each) for each in (up, down)))
    current, seen = int(scale["spec"]["replicas"]), int(scale["status"]["replicas"])
    return Workload(namespace, current, seen, pods, usage, values, tolerance, view.now)


def _by_metrics(hpa: Obj, workload: Workload, found: list[Condition], memory: Memory, now: float) -> Outcome:
    heard, failures, events = _ask(hpa, workload)
    most = max(heard, key=lambda each: each.replicas, default=None)
    if most is None or (failures and most.replicas < workload.current):
        reason, why, first = failures[0]
        message = f"the HPA was unable to compute the replica count: {why}"
        of = len(hpa["spec"]["metrics"])
        summed = f"invalid metrics ({len(failures)} invalid out of {of}), first error is: {first}"
        events.append(("Warning", "FailedComputeMetricsReplicas", summed))
        return Outcome(_set(found, "ScalingActive", False, reason, message, now), events=events)
    message = f"the HPA was able to successfully calculate a replica count from {most.name}"
    found = _set(found, "ScalingActive", True, "ValidMetricFound", message, now)
    limit = bounded(hpa["spec"], memory, workload.current, most.replicas, now)
    found = _with_limits(found, limit, now)
    reason = f"{most.name} above target" if limit.replicas > workload.current else "All metrics below target"
    return Outcome(found, limit.replicas, reason, [each.status for each in heard], events)


def _ask(hpa: Obj, workload: Workload) -> tuple[list[Said], list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """What the metrics say, and of those that say nothing the reason, why, and why in a sum; and the Events."""
    heard, failures = [], []
    for metric in hpa["spec"]["metrics"]:
        try:
            heard.append(said(metric, workload))
        except NoMetrics as why:
            failures.append((FAILED[metric["type"]], str(why), in_sum(metric, str(why))))
    return heard, failures, [("Warning", reason, why) for reason, why, _ in failures]


def _with_limits(found: list[Condition], limit: Bounded, now: float) -> list[Condition]:
    found = _set(found, "AbleToScale", True, *limit.able, now)
    return _set(found, "ScalingLimited", limit.limited, *limit.limit, now)


def _set(found: list[Condition], kind: str, status: bool, reason: str, message: str, now: float) -> list[Condition]:
    """Like ``conditions.with_condition``, in place of the old one; here a new message is a change."""
    old = conditions.find(found, kind)
    since = old["lastTransitionTime"] if old and old.get("status") == str(status) else timestamp.time(now)
    new: Condition = {
        "type": kind,
        "status": str(status),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    if old is None:
        return [*found, new]
    return [new if each is old else each for each in found]


def _status(
    hpa: Obj,
    found: list[Condition],
    current: int | None,
    desired: int | None,
    metrics: Sequence[Obj],
    scaled_at: float | None,
) -> dict[str, Any]:
    """``current`` and ``desired`` None: as they were."""
    old = hpa.get("status") or {}
    status: Obj = {
        "observedGeneration": hpa["metadata"].get("generation", 0),
        "currentReplicas": old.get("currentReplicas", 0) if current is None else current,
        "desiredReplicas": old.get("desiredReplicas", 0) if desired is None else desired,
        "currentMetrics": list(metrics) or old.get("currentMetrics"),
        "conditions": found,
    }
    last = old.get("lastScaleTime") if scaled_at is None else timestamp.time(scaled_at)
    if last:
        status["lastScaleTime"] = last
    return {name: value for name, value in status.items() if value is not None}
