"""Disruption: how many of the pods of each PodDisruptionBudget are healthy, and how many may be evicted now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import controller_of, is_deleting, labels_of, name_of, namespace_of
from podo.controllers.podstate import is_finished, is_ready
from podo.reconcile.actions import Action, CheckAgain, SetStatus, Tell
from podo.reconcile.declare import Among, Key, View, controller
from podo.values import timestamp
from podo.values.intstr import scaled
from podo.values.selector import SelectorError, from_label_selector

#: Seconds within which a pod whose eviction was allowed must be on its way out.
DELETION = 120.0
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


def _budgets_in(scaled_one: Obj, view: View) -> Iterator[Key]:
    """The size of a controller of pods has changed: every budget of its namespace may count on it."""
    for budget in view.list("PodDisruptionBudget", namespace_of(scaled_one)):
        yield Key(namespace_of(budget), name_of(budget))


@controller(
    reconciles="PodDisruptionBudget",
    watches={"Pod": Among("PodDisruptionBudget", _budgets_of), **dict.fromkeys(_SCALED, _budgets_in)},
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    budget = view.get("PodDisruptionBudget", key.name, key.namespace)
    if budget is None:
        return
    pods = [p for p in view.list("Pod", key.namespace) if _selects(budget, p) and not is_finished(p)]
    if not pods and not (budget.get("status") or {}).get("observedGeneration"):
        yield Tell(budget, "NoPods", "No matching pods found")
    try:
        expected, desired = _expected(budget, pods, view)
    except NoExpectation as problem:
        text = f"Failed to calculate the number of expected pods: {problem}"
        yield SetStatus(budget, _failed(budget, str(problem), view.now))
        yield Tell(budget, "CalculateExpectedPodCountFailed", text, "Warning")
        return
    disrupted = _disrupted(budget, pods, view.now)
    healthy = sum(is_ready(p) and not is_deleting(p) and name_of(p) not in disrupted for p in pods)
    yield SetStatus(budget, status_of(budget, expected, desired, healthy, disrupted, view.now))
    if disrupted:
        first = min(timestamp.parse(moment) for moment in disrupted.values())
        yield CheckAgain(max(0.0, first + DELETION - view.now) + 1)


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
    for pod in pods:
        reference = controller_of(pod)
        if reference is None:
            raise NoExpectation(f'found no controller ref for pod "{name_of(pod)}"')
        owner = _scaled_owner(reference, namespace_of(pod), view)
        if owner is not None:
            replicas = owner["spec"].get("replicas")
            sizes[owner["metadata"]["uid"]] = 1 if replicas is None else int(replicas)
    return sum(sizes.values())


def _scaled_owner(reference: dict[str, Any], namespace: str, view: View) -> Obj | None:
    """What sets the size: the owner, or a ReplicaSet's Deployment. None where it is gone."""
    if reference["kind"] not in _SCALED:
        group = reference["apiVersion"].partition("/")[0]
        raise NoExpectation(f"{reference['kind'].lower()}s.{group} does not implement the scale subresource")
    owner = view.get(reference["kind"], reference["name"], namespace)
    if owner is None or owner["metadata"].get("uid") != reference["uid"]:
        return None
    above = controller_of(owner)
    if above is not None and above["kind"] == "Deployment":
        return view.get("Deployment", above["name"], namespace) or owner
    return owner


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
    generation = budget["metadata"].get("generation", 0)
    return {**zero, **old, "disruptionsAllowed": 0, "observedGeneration": generation, "conditions": conditions}


def _condition(budget: Obj, status: str, reason: str, message: str, now: float) -> list[dict[str, Any]]:
    old = next(iter((budget.get("status") or {}).get("conditions") or ()), None)
    since = old["lastTransitionTime"] if old and old["status"] == status else timestamp.time(now)
    generation = budget["metadata"].get("generation", 0)
    new = {"type": "DisruptionAllowed", "status": status, "observedGeneration": generation}
    return [{**new, "lastTransitionTime": since, "reason": reason, "message": message}]
