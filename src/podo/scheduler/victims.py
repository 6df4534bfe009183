"""Which pods would have to go from one node so that a pod fits there: tried on the columns, or reckoned, where only
amounts matter. Pure.

Source: "Pod Priority and Preemption"; kube-scheduler's DefaultPreemption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from podo.scheduler.budgets import Budget
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Profile
from podo.scheduler.reasons import Reason
from podo.scheduler.refusals import first_reasons
from podo.scheduler.snapshot import Snapshot, awaited

#: Makes sums of priorities positive, so that fewer victims are better.
_OFFSET = 2**31


@dataclass(frozen=True, slots=True)
class Victims:
    """Pods that must go from a node, the most important first; ``violations``: of disruption budgets."""

    node_name: str
    pods: tuple[PodInfo, ...]
    violations: int
    cost: tuple[int, int, int, int, tuple[int, ...]]

    @property
    def staying(self) -> list[PodInfo]:
        """Those that have to be told to go: the others are going already, or only have room kept for them."""
        return [pod for pod in self.pods if not (pod.deleting or awaited(pod))]


def victims_of(node_name: str, pods: tuple[PodInfo, ...], violations: int) -> Victims:
    """``pods``: the most important first. Less costs: violated budgets, the highest priority, the sum of priorities,
    how many there are, and how long the most important have run."""
    if not pods:
        return Victims(node_name, pods, violations, (violations, -_OFFSET, 0, 0, ()))
    highest = pods[0].priority
    earliest = min(pod.started for pod in pods if pod.priority == highest)
    total = sum(pod.priority + _OFFSET for pod in pods)
    latest_first = tuple(-ord(letter) for letter in earliest)
    return Victims(node_name, pods, violations, (violations, highest, total, len(pods), latest_first))


def cheapest(candidates: list[Victims]) -> Victims | None:
    return min(candidates, key=lambda each: each.cost, default=None)


def importance(pod: PodInfo) -> tuple[int, str]:
    """Sorts the more important pod first: the higher priority, then who has run longer."""
    return (-pod.priority, pod.started)


def lower(pod: PodInfo, snapshot: Snapshot, node_name: str) -> list[PodInfo]:
    """The pods of the node that may have to go for this one, the most important first."""
    return sorted((o for o in snapshot.pods_on(node_name).values() if o.priority < pod.priority), key=importance)


def tried(
    pod: PodInfo, snapshot: Snapshot, profile: Profile, node_name: str, below: list[PodInfo]
) -> Victims | tuple[Reason, ...]:
    """Takes all of ``below`` off the columns, then puts back as many as possible; the columns are as before at the
    end. Or why the node takes the pod not even without them."""
    row = snapshot.row_of[node_name]
    off: dict[str, PodInfo] = {}
    try:
        for other in below:
            snapshot.weigh(other, node_name, -1)
            off[other.uid] = other
        if refused := first_reasons(pod, snapshot, profile.filters, row):
            return refused

        def may_stay(other: PodInfo) -> bool:
            snapshot.weigh(other, node_name, 1)
            del off[other.uid]
            if not first_reasons(pod, snapshot, profile.filters, row):
                return True
            snapshot.weigh(other, node_name, -1)
            off[other.uid] = other
            return False

        return _spared(node_name, below, snapshot, may_stay)
    finally:
        for other in off.values():
            snapshot.weigh(other, node_name, 1)


def reckoned(
    pod: PodInfo, snapshot: Snapshot, fit: NodeResourcesFit, node_name: str, below: list[PodInfo]
) -> Victims | tuple[Reason, ...]:
    """The same as ``tried`` for a node where nothing but its amounts keeps the pod off, at a tenth of the cost."""
    asked = fit.room(pod, snapshot, snapshot.row_of[node_name])
    left = {name: room + sum(_takes(other, name) for other in below) for _, name, room in asked}
    if lacking := tuple(reason for reason, name, _ in asked if left[name] < 0):
        return lacking

    def may_stay(other: PodInfo) -> bool:
        if any(room < _takes(other, name) for name, room in left.items()):
            return False
        for name in left:
            left[name] -= _takes(other, name)
        return True

    return _spared(node_name, below, snapshot, may_stay)


def _takes(pod: PodInfo, resource: str) -> int:
    return 1 if resource == "pods" else pod.requests.get(resource, 0)


def _spared(node_name: str, below: list[PodInfo], snapshot: Snapshot, may_stay: Callable[[PodInfo], bool]) -> Victims:
    """Asks of each whether it may stay: first those whose budgets allow no disruption, the more important first."""
    violating, others = divided(below, tuple(snapshot.budgets.values()))
    kept = {other.uid for other in (*violating, *others) if may_stay(other)}
    victims = tuple(other for other in below if other.uid not in kept)
    return victims_of(node_name, victims, sum(other.uid not in kept for other in violating))


def divided(pods: Iterable[PodInfo], budgets: tuple[Budget, ...]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose eviction would exceed a budget, and the others; each evicted pod uses up its budgets."""
    if not budgets:
        return [], list(pods)
    left = [budget.allowed for budget in budgets]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        exceeds = False
        for index, budget in enumerate(budgets):
            if budget.covers(pod):
                left[index] -= 1
                exceeds = exceeds or left[index] < 0
        (violating if exceeds else others).append(pod)
    return violating, others
