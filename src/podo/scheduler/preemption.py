"""Preemption: which pods of lower priority would have to go from which node so that a pod fits. Pure.

Source: "Pod Priority and Preemption"; kube-scheduler's DefaultPreemption and its defaults.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from podo.api.meta import condition_of
from podo.scheduler.boards import feasible_rows
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Candidates, Profile
from podo.scheduler.reasons import NEVER, TERMINATING, Reason, Refusal, counted
from podo.scheduler.snapshot import EVERY, Mask, Snapshot
from podo.scheduler.telling import EVICTED
from podo.scheduler.victims import Victims, lower, reckoned, tried

NAME = "DefaultPreemption"
_NOT_HELPFUL = Reason(NAME, "Preemption is not helpful for scheduling")
_NO_VICTIMS = Reason(NAME, "No preemption victims found for incoming pod")
#: Signatures whose victims are remembered.
LIMIT = 16


@dataclass(slots=True)
class _Known:
    moment: int
    version: tuple[int, int]
    #: Rows that nothing but their amounts keeps the pod off; None where more may matter.
    by_amounts: Mask | None
    #: Rows where it might help that others go, as ``told`` says of them, and those of them where nobody can go.
    hopeful: Mask
    barren: Mask
    told: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    by_row: dict[int, Victims | tuple[Reason, ...]] = field(default_factory=dict)


class Preemption:
    """Of one snapshot and profile."""

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self._snapshot = snapshot
        self._profile = profile
        self._fit = next((each for each in profile.filters if isinstance(each, NodeResourcesFit)), None)
        self._others = tuple(each for each in profile.local_filters if each is not self._fit)
        self._wanted = profile.preemption or Candidates()
        self._known: OrderedDict[Any, _Known] = OrderedDict()

    def find(self, pod: PodInfo, refusal: Refusal, first: int = 0) -> list[Victims] | str:
        """Nodes and who must go there, or the words why there are none. ``first``: any number; which nodes are looked
        at first."""
        if not pod.preempts:
            return NEVER
        if self._is_terminating(pod, refusal):
            return TERMINATING
        known = self._up_to_date(pod, refusal.reasons)
        if candidates := self._candidates(pod, known, first):
            return candidates
        why = [
            outcome
            for row in np.flatnonzero(known.hopeful).tolist()
            if not isinstance(outcome := known.by_row[row], Victims)
        ]
        counts = Counter(reason.text for each in why for reason in each)
        counts[_NOT_HELPFUL.text] = len(refusal.reasons) - len(why)
        return counted(refusal.nodes, counts)

    def _is_terminating(self, pod: PodInfo, refusal: Refusal) -> bool:
        """Has room been made already, and is being vacated?"""
        if not pod.nominated or any(reason.unresolvable for reason in refusal.reasons.get(pod.nominated, ())):
            return False
        there = self._snapshot.pods_on(pod.nominated).values()
        return any(other.priority < pod.priority and _was_preempted(other) for other in there)

    def _candidates(self, pod: PodInfo, known: _Known, first: int) -> list[Victims]:
        hopeful = np.flatnonzero(known.hopeful)
        wanted = max(self._wanted.least, len(hopeful) * self._wanted.percent // 100)
        order = np.roll(hopeful, -(first % max(1, len(hopeful))))
        found: list[Victims] = []
        for row in order[~known.barren[order]].tolist():  # plain ints are the faster keys
            outcome = known.by_row.get(row)
            if outcome is None:
                outcome = known.by_row[row] = self._victims(pod, known, row)
            if not isinstance(outcome, Victims):
                known.barren[row] = True
                continue
            found.append(outcome)
            if len(found) >= wanted and not all(each.violations for each in found):
                break
        return found

    def _up_to_date(self, pod: PodInfo, reasons: Mapping[str, tuple[Reason, ...]]) -> _Known:
        """What is known about pods like this one: all of it where only the node itself matters, else nothing.
        ``reasons``: why nodes refuse the pod."""
        snapshot, key = self._snapshot, (pod.signature, pod.priority)
        if any(each.fits(pod, snapshot, EVERY) is not None for each in self._profile.wide_filters):
            return self._told(self._new(None), reasons, ())
        known = self._known.get(key)
        changed = None if known is None else snapshot.changes.since(known.moment)
        if known is None or changed is None or known.version != (snapshot.character, snapshot.budgets_version):
            known, changed = self._new(self._by_amounts(pod)), []
            self._known[key] = known
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        for row in changed:
            known.by_row.pop(row, None)
        known.barren[changed] = False
        known.moment = snapshot.changes.moment
        return self._told(known, reasons, changed)

    def _new(self, by_amounts: Mask | None) -> _Known:
        snapshot = self._snapshot
        version = (snapshot.character, snapshot.budgets_version)
        hopeful, barren = np.zeros((2, snapshot.capacity), dtype=bool)
        return _Known(snapshot.changes.moment, version, by_amounts, hopeful, barren)

    def _told(self, known: _Known, reasons: Mapping[str, tuple[Reason, ...]], changed: Iterable[int]) -> _Known:
        """With the rows where it might help that others go. Where the reasons are those of the last time, only what
        has ``changed`` is looked at."""
        rows = changed if known.told is reasons else self._snapshot.row_of.values()
        known.told = reasons
        for row in rows:
            node = self._snapshot.nodes[row]
            why = reasons.get(node.name) if node is not None else None
            known.hopeful[row] = bool(why) and not any(reason.unresolvable for reason in why or ())
        return known

    def _by_amounts(self, pod: PodInfo) -> Mask | None:
        if self._fit is None or pod.host_ports:
            return None
        return feasible_rows(pod, self._snapshot, self._others)

    def _victims(self, pod: PodInfo, known: _Known, row: int) -> Victims | tuple[Reason, ...]:
        node_name = self._snapshot.node(row).name
        below = lower(pod, self._snapshot, node_name)
        if not below:
            return (_NO_VICTIMS,)
        if self._fit is not None and known.by_amounts is not None and known.by_amounts[row]:
            return reckoned(pod, self._snapshot, self._fit, node_name, below)
        return tried(pod, self._snapshot, self._profile, node_name, below)


def _was_preempted(pod: PodInfo) -> bool:
    """Is it going because a scheduler has evicted it, not for another reason?"""
    condition = condition_of(pod.obj, "DisruptionTarget") if pod.deleting else None
    return condition is not None and (condition.get("status"), condition.get("reason")) == ("True", EVICTED)
