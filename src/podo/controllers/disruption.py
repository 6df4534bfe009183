"""Disruption: how many of the pods of each PodDisruptionBudget are healthy, and how many may be evicted now; and pods
that were to be evicted and are still there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of, controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from podo.controllers import scaletargets
from podo.controllers.podstate import is_finished, is_ready
from podo.reconcile.actions import Action, CheckAgain, Patch, SetStatus, Tell, rest_after
from podo.reconcile.declare import Among, Key, View, controller
from podo.values import timestamp
from podo.values.intstr import scaled
from podo.values.selector import SelectorError, from_label_selector, told

#: Seconds within which a pod whose eviction was allowed must be on its way out.
DELETION = 120.0
#: The condition of a pod that is about to be deleted for no fault of its own.
_TARGET = "DisruptionTarget"
_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: %s) were found to be unmanaged. As a result, the status of "
    "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
    'set ".spec.minAvailable" field of the PDB to an integer value.'
)
_SCALED = ("ReplicaSet", "ReplicationController", "StatefulSet", "Deployment")


class NoExpectation(Exception):
    """How many pods there should be cannot be told."""


def _budgets_of(pod: Obj, view: View) -> Iterator[Key]:
    for budget in view.list("PodDisruptionBudget", namespace_of(pod)):
        if _selects(budget, pod):
            yield Key(namespace_of(budget), name_of(budget))


def _selects(budget: Obj, pod: Obj) -> bool:
    selector = budget["spec"].get("selector")
    try:
        return selector is not None and from_label_selector(selector).matches(labels_of(pod))
    except SelectorError:
        return False


def _selected(budget: Obj, view: View) -> list[Obj]:
    selector = budget["spec"].get("selector")
    try:
        return [] if selector is None else view.selected("Pod", namespace_of(budget), selector)
    except SelectorError:
        return []


def _budgets_in(scaled_one: Obj, view: View) -> Iterator[Key]:
    """The size of a controller of pods has changed: every budget of its namespace may count on it."""
    for budget in view.list("PodDisruptionBudget", namespace_of(scaled_one)):
        yield Key(namespace_of(budget), name_of(budget))


@controller(
    reconciles="PodDisruptionBudget",
    watches={"Pod": Among("PodDisruptionBudget", _budgets_of), **dict.fromkeys(_SCALED, _budgets_in)},
    reads=(scaletargets.DEFINITION,),
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    budget = view.get("PodDisruptionBudget", key.name, key.namespace)
    if budget is None:
        return
    pods = [pod for pod in _selected(budget, view) if not is_finished(pod)]
    if not pods and not (budget.get("status") or {}).get("observedGeneration"):
        yield Tell(budget, "NoPods", "No matching pods found")
    try:
        expected, desired = _expected(budget, pods, view)
    except NoExpectation as problem:
        text = f"Failed to calculate the number of expected pods: {problem}"
        yield SetStatus(budget, _failed(budget, str(problem), view.now))
        yield Tell(budget, "CalculateExpectedPodCountFailed", text, "Warning")
        return
    yield from _unmanaged(budget, pods)
    disrupted = _disrupted(budget, pods, view.now)
    yield from _not_deleted(budget, pods, disrupted)
    healthy = sum(is_ready(p) and not is_deleting(p) and name_of(p) not in disrupted for p in pods)
    yield SetStatus(budget, status_of(budget, expected, desired, healthy, disrupted, view.now))
    if disrupted:
        first = min(timestamp.parse(moment) for moment in disrupted.values())
        yield CheckAgain(max(0.0, first + DELETION - view.now) + 1)
    yield from rest_after(len(pods))


def _expected(budget: Obj, pods: list[Obj], view: View) -> tuple[int, int]:
    """(pods that there should be, pods that must be healthy)."""
    least, most = budget["spec"].get("minAvailable"), budget["spec"].get("maxUnavailable")
    if most is not None:
        expected = _scale(pods, view)
        return expected, max(0, expected - scaled(most, expected, round_up=True))
    if isinstance(least, str):
        expected = _scale(pods, view)
        return expected, scaled(least, expected, round_up=True)
    return len(pods), int(least or 0)


def _scale(pods: list[Obj], view: View) -> int:
    """The sum of the sizes of all that control the pods."""
    sizes: dict[str, int] = {}
    known: set[str] = set()
    for pod in pods:
        reference = controller_of(pod)
        if reference is not None and reference["uid"] not in known:
            known.add(reference["uid"])
            owner, replicas = _scaled_owner(reference, pod, view)
            sizes[uid_of(owner)] = replicas
    return sum(sizes.values())


def _scaled_owner(reference: dict[str, Any], pod: Obj, view: View) -> tuple[Obj, int]:
    """What sets the size, and the size: the owner's, or that of a ReplicaSet's Deployment."""
    try:
        owner = scaletargets.target(reference, namespace_of(pod), view)
        if uid_of(owner.obj) != reference["uid"]:
            raise scaletargets.NotThere
        above = controller_of(owner.obj)
        if above is not None and above["kind"] == "Deployment":
            owner = scaletargets.target(above, namespace_of(pod), view)
    except scaletargets.NotThere:
        raise NoExpectation(f'found no controllers for pod "{name_of(pod)}"') from None
    except scaletargets.NotScaled as problem:
        raise NoExpectation(str(problem)) from None
    return owner.obj, int(owner.scale["spec"]["replicas"])


def _counts_by_owner(budget: Obj) -> bool:
    return budget["spec"].get("maxUnavailable") is not None or isinstance(budget["spec"].get("minAvailable"), str)


def _unmanaged(budget: Obj, pods: list[Obj]) -> Iterator[Action]:
    """Pods without a controller are in no size that the budget could be a share of."""
    if _counts_by_owner(budget) and any(controller_of(pod) is None for pod in pods):
        yield Tell(budget, "UnmanagedPods", _UNMANAGED % told(budget["spec"].get("selector")), "Warning")


def _not_deleted(budget: Obj, pods: list[Obj], disrupted: dict[str, str]) -> Iterator[Action]:
    """Tells of pods whose eviction was allowed long ago."""
    late = ((budget.get("status") or {}).get("disruptedPods") or {}).keys() - disrupted.keys()
    text = f"Pod was expected by PDB {namespace_of(budget)}/{name_of(budget)} to be deleted but it wasn't"
    for pod in pods:
        if name_of(pod) in late and not is_deleting(pod):
            yield Tell(pod, "NotDeleted", text, "Warning")


def _disrupted(budget: Obj, pods: list[Obj], now: float) -> dict[str, str]:
    """Pods whose eviction was allowed and has not been seen yet."""
    present = {name_of(pod) for pod in pods if not is_deleting(pod)}
    noted: dict[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
    return {
        name: moment for name, moment in noted.items() if name in present and timestamp.parse(moment) + DELETION > now
    }


def status_of(
    budget: Obj, expected: int, desired: int, healthy: int, disrupted: dict[str, str], now: float
) -> dict[str, Any]:
    allowed = max(0, healthy - desired) if expected > 0 else 0
    reason = "SufficientPods" if allowed else "InsufficientPods"
    return {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        **({"disruptedPods": disrupted} if disrupted else {}),
        "observedGeneration": budget["metadata"].get("generation", 0),
        "conditions": _condition(budget, str(allowed > 0), reason, "", now),
    }


def _failed(budget: Obj, why: str, now: float) -> dict[str, Any]:
    """Nothing may be evicted while nobody can tell what that would mean."""
    zero = dict.fromkeys(("currentHealthy", "desiredHealthy", "expectedPods"), 0)
    old = budget.get("status") or {}
    conditions = _condition(budget, "False", "SyncFailed", why, now)
    return {**zero, **old, "disruptionsAllowed": 0, "conditions": conditions}


def _condition(budget: Obj, status: str, reason: str, message: str, now: float) -> list[dict[str, Any]]:
    old = next(iter((budget.get("status") or {}).get("conditions") or ()), None)
    since = old["lastTransitionTime"] if old and old["status"] == status else timestamp.time(now)
    generation = budget["metadata"].get("generation", 0)
    new = {"type": "DisruptionAllowed", "status": status, "observedGeneration": generation}
    return [{**new, "lastTransitionTime": since, "reason": reason, "message": message}]


def _is_target(pod: Obj) -> bool:
    """Is it said to be about to be deleted, by somebody who would have done so by now? (A kubelet takes its time.)"""
    said = condition_of(pod, _TARGET)
    if said is None or said.get("status") != "True" or said.get("reason") == "TerminationByKubelet":
        return False
    return not is_deleting(pod) and not is_finished(pod)


@controller(reconciles="Pod", name="staledisruption", minds=_is_target)
def stale(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None or not _is_target(pod):
        return
    since = (condition_of(pod, _TARGET) or {}).get("lastTransitionTime")
    left = timestamp.parse(since) + DELETION - view.now if since else 0.0
    if left > 0:
        yield CheckAgain(left)
        return
    taken_back = {"type": _TARGET, "status": "False", "reason": None, "message": None}
    conditions = [{**taken_back, "lastTransitionTime": timestamp.time(view.now)}]
    patch = {"metadata": {"uid": uid_of(pod)}, "status": {"conditions": conditions}}
    yield Patch(pod, patch, "strategic", subresource="status")
