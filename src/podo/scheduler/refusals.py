"""Why each node refuses a pod. Like boards, kept per signature of pods and made anew only for rows that changed."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from podo.scheduler.plugins.contract import Filter, Only, PreFilter
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Profile
from podo.scheduler.reasons import Reason, Refusal
from podo.scheduler.snapshot import EVERY, Snapshot

#: Signatures remembered; the one not used for longest goes.
LIMIT = 64


def refusal(pod: PodInfo, snapshot: Snapshot, profile: Profile) -> Refusal:
    """Asks every filter, in order, for the reasons of every node that it is the first to refuse."""
    reasons: dict[str, tuple[Reason, ...]] = {}
    left = snapshot.present.copy()
    if (only := outright(pod, snapshot, profile.filters)) is not None:
        names, reason = only
        for name, place in snapshot.row_of.items():
            if name not in names:
                reasons[name], left[place] = (reason,), False
    for plugin in profile.filters:
        passed = plugin.fits(pod, snapshot, EVERY)
        if passed is None:
            continue
        for row in np.flatnonzero(left & ~passed):
            reasons[snapshot.node(int(row)).name] = plugin.why(pod, snapshot, int(row))
        left &= passed
    return Refusal(len(snapshot), reasons, Counter(reason for node in reasons.values() for reason in node))


def outright(pod: PodInfo, snapshot: Snapshot, filters: Iterable[Filter]) -> Only | None:
    """The only nodes that the pod may go to, as far as that is known before nodes are looked at: none, where a filter
    says so; None where it may go to any."""
    found = [only for each in filters if isinstance(each, PreFilter) and (only := each.only(pod, snapshot)) is not None]
    return next((only for only in found if not only[0]), found[0] if found else None)


@dataclass(slots=True)
class _Known:
    moment: int
    character: int
    reasons: dict[str, tuple[Reason, ...]] = field(default_factory=dict)
    counts: Counter[Reason] = field(default_factory=Counter)

    def set(self, name: str, reasons: tuple[Reason, ...]) -> None:
        self.counts.subtract(self.reasons.pop(name, ()))
        if reasons:
            self.reasons[name] = reasons
            self.counts.update(reasons)


class Refusals:
    """Of one snapshot and profile."""

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self._snapshot = snapshot
        self._profile = profile
        self._local, self._wide = profile.local_filters, profile.wide_filters
        self._known: OrderedDict[Any, _Known] = OrderedDict()

    def of(self, pod: PodInfo) -> Refusal:
        """Its reasons are true until the snapshot changes."""
        if any(plugin.fits(pod, self._snapshot, EVERY) is not None for plugin in self._wide):
            return refusal(pod, self._snapshot, self._profile)
        known = self._up_to_date(pod)
        return Refusal(len(self._snapshot), known.reasons, +known.counts)

    def _up_to_date(self, pod: PodInfo) -> _Known:
        snapshot, known = self._snapshot, self._known.get(pod.signature)
        changed = None if known is None else snapshot.changes.since(known.moment)
        if known is None or changed is None or known.character != snapshot.character:
            known = self._known[pod.signature] = _Known(snapshot.changes.moment, snapshot.character)
            changed = list(snapshot.row_of.values())
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
        self._known.move_to_end(pod.signature)
        if changed:
            rows = np.array(sorted(set(changed)), dtype=np.intp)
            for row, reasons in self._first(pod, rows[snapshot.present[rows]]):
                known.set(snapshot.node(row).name, reasons)
        known.moment = snapshot.changes.moment
        return known

    def _first(self, pod: PodInfo, rows: npt.NDArray[np.intp]) -> Iterator[tuple[int, tuple[Reason, ...]]]:
        """What the first filter says that refuses each of the rows; nothing where all pass."""
        if (only := outright(pod, self._snapshot, self._local)) is not None:
            named = np.array([self._snapshot.node(int(row)).name in only[0] for row in rows], dtype=bool)
            for row in rows[~named]:
                yield int(row), (only[1],)
            rows = rows[named]
        for plugin in self._local:
            passed = plugin.fits(pod, self._snapshot, rows)
            if passed is None:
                continue
            for row in rows[~passed]:
                yield int(row), plugin.why(pod, self._snapshot, int(row))
            rows = rows[passed]
        for row in rows:
            yield int(row), ()


def first_reasons(pod: PodInfo, snapshot: Snapshot, filters: Iterable[Any], row: int) -> tuple[Reason, ...]:
    """What the first filter says that refuses the row; nothing where all pass."""
    one = slice(row, row + 1)
    for plugin in filters:
        passed = plugin.fits(pod, snapshot, one)
        if passed is not None and not passed[0]:
            reasons: tuple[Reason, ...] = plugin.why(pod, snapshot, row)
            return reasons
    return ()
