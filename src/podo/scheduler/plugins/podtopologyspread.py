"""PodTopologySpread: pods of a group are spread evenly over zones, nodes or other domains, strictly or as far as
possible.

Source: "Pod Topology Spread Constraints"; KEP-895 and, for node inclusion, KEP-3094.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from podo.scheduler.defaultspread import SYSTEM_DEFAULTS, Default
from podo.scheduler.plugins import nodeaffinity, tainttoleration
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.podterms import Spread
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Numbers, Rows, Snapshot
from podo.scheduler.tallies import DomainSums

NAME = "PodTopologySpread"
_HOSTNAME = "kubernetes.io/hostname"
_TEXT = "node(s) didn't match pod topology spread constraints"
_SKEWED = Reason(NAME, _TEXT)
_NO_LABEL = Reason(NAME, f"{_TEXT} (missing required label)", unresolvable=True)


class PodTopologySpread:
    """``defaults``: of pods that have no constraints; the system's own do not ask that nodes have their labels."""

    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset(
        {ClusterEvent.NODE_ADDED, ClusterEvent.NODE_REMOVED, ClusterEvent.NODE_LABELS, ClusterEvent.NODE_TAINTS}
        | {ClusterEvent.POD_ADDED, ClusterEvent.POD_REMOVED}
    )

    def __init__(self, defaults: tuple[Default, ...] = SYSTEM_DEFAULTS) -> None:
        self._defaults = defaults
        self._system = defaults == SYSTEM_DEFAULTS

    def _constraints(self, pod: PodInfo, snapshot: Snapshot, hard: bool) -> list[Spread]:
        found = pod.terms.spread
        if not found and any(default[2] == hard for default in self._defaults):
            found = snapshot.groups.constraints(pod.obj, pod.namespace, self._defaults)
        return [each for each in found if each.hard == hard]

    # Strictly

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        wanted = self._constraints(pod, snapshot, hard=True)
        if not wanted:
            return None
        labelled = _labelled(wanted, snapshot)
        masks = [labelled, *(_within_skew(pod, each, wanted, labelled, snapshot) for each in wanted)]
        whole: Mask = np.logical_and.reduce(masks)
        return whole[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        wanted = self._constraints(pod, snapshot, hard=True)
        labelled = _labelled(wanted, snapshot)
        for each in wanted:
            if snapshot.domains(each.topology_key).of_row[row] < 0:
                return (_NO_LABEL,)
            if not _within_skew(pod, each, wanted, labelled, snapshot)[row]:
                return (_SKEWED,)
        return ()

    # As far as possible

    def score(self, pod: PodInfo, snapshot: Snapshot, feasible: Mask) -> Numbers | None:
        wanted = self._constraints(pod, snapshot, hard=False)
        if not wanted:
            return None
        strict = bool(pod.terms.spread) or not self._system
        labelled = _labelled(wanted, snapshot) if strict else snapshot.present
        candidates: Mask = feasible & labelled
        costs = [_cost(pod, each, wanted, snapshot, candidates, strict) for each in wanted]
        raw = np.floor(np.add.reduce(costs) + 0.5).astype(np.int64)
        good = raw[candidates]
        most, least = int(good.max(initial=0)), int(good.min(initial=2**62))
        if not most:
            return np.where(candidates, 100, 0)
        scaled = 100 * (most + least - raw) // most
        return np.where(candidates, scaled, 0)


def _labelled(wanted: Iterable[Spread], snapshot: Snapshot) -> Mask:
    """Nodes that have the labels of all constraints."""
    has = [snapshot.domains(each.topology_key).of_row >= 0 for each in wanted]
    whole: Mask = np.logical_and.reduce(has)
    return whole


def _counted(pod: PodInfo, spread: Spread, keys: tuple[str, ...], among: Mask, snapshot: Snapshot) -> DomainSums:
    """Pods like this one by domain, on the nodes that the constraint's policies include."""
    eligible, place = among, [keys]
    if spread.honors_affinity and (column := nodeaffinity.allowed(pod, snapshot)) is not None:
        eligible, place = eligible & column, [*place, ("affinity", pod.node_choice_key)]
    if spread.honors_taints:
        eligible = eligible & tainttoleration.tolerated(pod, snapshot)
        place = [*place, ("taints", pod.tolerations_key)]
    return snapshot.tallies.count(spread.query, spread.topology_key, eligible, tuple(place))


def _keys(wanted: Iterable[Spread]) -> tuple[str, ...]:
    return tuple(sorted(each.topology_key for each in wanted))


def _within_skew(pod: PodInfo, spread: Spread, wanted: list[Spread], labelled: Mask, snapshot: Snapshot) -> Mask:
    counted = _counted(pod, spread, _keys(wanted), labelled, snapshot)
    has_nodes = counted.nodes > 0
    domains = int(np.count_nonzero(has_nodes))
    least = 0 if domains < spread.min_domains else int(counted.sums.min(initial=2**31 - 1, where=has_nodes))
    itself = int(spread.selector.matches(dict(pod.pod_class.labels)))
    within: Mask = counted.by_row() + itself - least <= spread.max_skew
    return within


def _cost(
    pod: PodInfo, spread: Spread, wanted: list[Spread], snapshot: Snapshot, candidates: Mask, strict: bool
) -> npt.NDArray[np.float64]:
    """What a node costs by one constraint: pods of its domain, weighed by how many domains there are."""
    of_row = snapshot.domains(spread.topology_key).of_row
    if spread.topology_key == _HOSTNAME:
        counts = snapshot.tallies.count(spread.query, None, snapshot.present, "present").by_row()
        size = int(np.count_nonzero(candidates))
    else:
        keys = _keys(wanted) if strict else ()
        among = _labelled(wanted, snapshot) if strict else snapshot.present
        counts = _counted(pod, spread, keys, among, snapshot).by_row()
        size = int(np.count_nonzero(np.bincount(of_row[candidates] + 1)))  # a missing label counts as a domain, too
    cost = counts * math.log(size + 2) + (spread.max_skew - 1)
    return np.where(of_row >= 0, cost, 0.0)
