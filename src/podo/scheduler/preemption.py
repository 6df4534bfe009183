"""Preemption: which pods of lower priority would have to go from which node so that a pod fits. Pure.

Source: "Pod Priority and Preemption"; kube-scheduler's DefaultPreemption and its defaults.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.scheduler.budgets import Budget
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Profile
from podo.scheduler.reasons import NEVER, TERMINATING, Reason, Refusal, counted
from podo.scheduler.refusals import first_reasons
from podo.scheduler.snapshot import EVERY, Snapshot

NAME = "DefaultPreemption"
_NOT_HELPFUL = Reason(NAME, "Preemption is not helpful for scheduling")
_NO_VICTIMS = Reason(NAME, "No preemption victims found for incoming pod")
#: Nodes looked at: this share, but at least so many.
SHARE, LEAST = 0.1, 100
#: Signatures whose victims are remembered.
LIMIT = 16
#: Makes sums of priorities positive, so that fewer victims are better.
_OFFSET = 2**31


@dataclass(frozen=True, slots=True)
class Victims:
    """Pods that must go from a node, the most important first; ``violations``: of disruption budgets."""

    node_name: str
    pods: tuple[PodInfo, ...]
    violations: int
    cost: tuple[int, int, int, int, tuple[int, ...]]


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


@dataclass(slots=True)
class _Known:
    moment: int
    version: tuple[int, int]
    by_name: dict[str, Victims | tuple[Reason, ...]] = field(default_factory=dict)


class Preemption:
    """Of one snapshot and profile."""

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self._snapshot = snapshot
        self._profile = profile
        self._known: OrderedDict[Any, _Known] = OrderedDict()

    def find(self, pod: PodInfo, refusal: Refusal, first: int = 0) -> Victims | str:
        """The best node and who must go there, or the words why there is none. ``first``: any number; which nodes are
        looked at first."""
        if not pod.preempts:
            return NEVER
        if self._is_terminating(pod, refusal):
            return TERMINATING
        candidates, reasons = self._candidates(pod, refusal, first)
        if candidates:
            return min(candidates, key=lambda each: each.cost)
        counts = Counter(reason.text for each in reasons.values() for reason in each)
        return counted(refusal.nodes, counts)

    def _is_terminating(self, pod: PodInfo, refusal: Refusal) -> bool:
        """Has room been made already, and is being vacated?"""
        if not pod.nominated or any(reason.unresolvable for reason in refusal.reasons.get(pod.nominated, ())):
            return False
        there = self._snapshot.pods_on(pod.nominated).values()
        return any(other.deleting and other.priority < pod.priority for other in there)

    def _candidates(
        self, pod: PodInfo, refusal: Refusal, first: int
    ) -> tuple[list[Victims], Mapping[str, tuple[Reason, ...]]]:
        known = self._up_to_date(pod)
        names = list(refusal.reasons)
        wanted = max(LEAST, int(len(names) * SHARE))
        found: list[Victims] = []
        reasons: dict[str, tuple[Reason, ...]] = {}
        for name in _from(names, first):
            if any(reason.unresolvable for reason in refusal.reasons[name]):
                reasons[name] = (_NOT_HELPFUL,)
                continue
            outcome = known.by_name.get(name)
            if outcome is None:
                outcome = known.by_name[name] = self._victims(pod, name)
            if isinstance(outcome, Victims):
                found.append(outcome)
                if len(found) >= wanted and not all(each.violations for each in found):
                    break
            else:
                reasons[name] = outcome
        return found, reasons

    def _up_to_date(self, pod: PodInfo) -> _Known:
        """What is known about pods like this one: all of it where only the node itself matters, else nothing."""
        snapshot, key = self._snapshot, (pod.signature, pod.priority)
        version = (snapshot.character, snapshot.budgets_version)
        if any(each.fits(pod, snapshot, EVERY) is not None for each in self._profile.wide_filters):
            return _Known(snapshot.moment, version)
        known = self._known.get(key)
        changed = None if known is None else snapshot.changed_since(known.moment)
        if known is None or changed is None or known.version != version:
            known, changed = _Known(snapshot.moment, version), []
            self._known[key] = known
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        for row in changed:
            if (node := snapshot.nodes[row]) is not None:
                known.by_name.pop(node.name, None)
        known.moment = snapshot.moment
        return known

    def _victims(self, pod: PodInfo, node_name: str) -> Victims | tuple[Reason, ...]:
        """Takes off every pod of lower priority, then puts back as many as possible, the most important first."""
        snapshot, row = self._snapshot, self._snapshot.row_of[node_name]
        lower = [other for other in snapshot.pods_on(node_name).values() if other.priority < pod.priority]
        if not lower:
            return (_NO_VICTIMS,)
        lower.sort(key=importance)
        off: dict[str, PodInfo] = {}
        try:
            for other in lower:
                snapshot.weigh(other, node_name, -1)
                off[other.uid] = other
            if refused := first_reasons(pod, snapshot, self._profile.filters, row):
                return refused
            violating, others = _divided(lower, tuple(snapshot.budgets.values()))
            for other in (*violating, *others):
                snapshot.weigh(other, node_name, 1)
                if first_reasons(pod, snapshot, self._profile.filters, row):
                    snapshot.weigh(other, node_name, -1)
                else:
                    del off[other.uid]
            victims = tuple(sorted(off.values(), key=importance))
            return victims_of(node_name, victims, sum(other.uid in off for other in violating))
        finally:
            for other in off.values():
                snapshot.weigh(other, node_name, 1)


def importance(pod: PodInfo) -> tuple[int, str]:
    """Sorts the more important pod first: the higher priority, then who has run longer."""
    return (-pod.priority, pod.started)


def _divided(pods: Iterable[PodInfo], budgets: tuple[Budget, ...]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose eviction would exceed a budget, and the others; each evicted pod uses up its budgets."""
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


def _from(names: list[str], first: int) -> Iterator[str]:
    start = first % len(names) if names else 0
    yield from names[start:]
    yield from names[:start]
