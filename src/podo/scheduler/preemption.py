"""Preemption: which pods of lower priority would have to go from which node so that a pod fits. Pure.

Source: "Pod Priority and Preemption"; kube-scheduler's DefaultPreemption and its defaults.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.scheduler.boards import feasible_rows
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Profile
from podo.scheduler.reasons import NEVER, TERMINATING, Reason, Refusal, counted
from podo.scheduler.snapshot import EVERY, Mask, Snapshot
from podo.scheduler.victims import Victims, lower, reckoned, tried

NAME = "DefaultPreemption"
_NOT_HELPFUL = Reason(NAME, "Preemption is not helpful for scheduling")
_NO_VICTIMS = Reason(NAME, "No preemption victims found for incoming pod")
#: Nodes looked at: this share, but at least so many.
SHARE, LEAST = 0.1, 100
#: Signatures whose victims are remembered.
LIMIT = 16


@dataclass(slots=True)
class _Known:
    moment: int
    version: tuple[int, int]
    #: Rows that nothing but their amounts keeps the pod off; None where more may matter.
    by_amounts: Mask | None
    by_name: dict[str, Victims | tuple[Reason, ...]] = field(default_factory=dict)


class Preemption:
    """Of one snapshot and profile."""

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self._snapshot = snapshot
        self._profile = profile
        self._fit = next((each for each in profile.filters if isinstance(each, NodeResourcesFit)), None)
        self._others = tuple(each for each in profile.local_filters if each is not self._fit)
        self._known: OrderedDict[Any, _Known] = OrderedDict()

    def find(self, pod: PodInfo, refusal: Refusal, first: int = 0) -> list[Victims] | str:
        """Nodes and who must go there, or the words why there are none. ``first``: any number; which nodes are looked
        at first."""
        if not pod.preempts:
            return NEVER
        if self._is_terminating(pod, refusal):
            return TERMINATING
        candidates, reasons = self._candidates(pod, refusal, first)
        if candidates:
            return candidates
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
                outcome = known.by_name[name] = self._victims(pod, known, name)
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
            return _Known(snapshot.moment, version, None)
        known = self._known.get(key)
        changed = None if known is None else snapshot.changed_since(known.moment)
        if known is None or changed is None or known.version != version:
            known, changed = _Known(snapshot.moment, version, self._by_amounts(pod)), []
            self._known[key] = known
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        for row in changed:
            if (node := snapshot.nodes[row]) is not None:
                known.by_name.pop(node.name, None)
        known.moment = snapshot.moment
        return known

    def _by_amounts(self, pod: PodInfo) -> Mask | None:
        if self._fit is None or pod.host_ports:
            return None
        return feasible_rows(pod, self._snapshot, self._others)

    def _victims(self, pod: PodInfo, known: _Known, node_name: str) -> Victims | tuple[Reason, ...]:
        below = lower(pod, self._snapshot, node_name)
        if not below:
            return (_NO_VICTIMS,)
        row = self._snapshot.row_of[node_name]
        if self._fit is not None and known.by_amounts is not None and known.by_amounts[row]:
            return reckoned(pod, self._snapshot, self._fit, node_name, below)
        return tried(pod, self._snapshot, self._profile, node_name, below)


def _from(names: list[str], first: int) -> Iterator[str]:
    start = first % len(names) if names else 0
    yield from names[start:]
    yield from names[:start]
