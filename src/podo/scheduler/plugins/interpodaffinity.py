"""InterPodAffinity: pods that must, must not, should or should not be where certain other pods are; and the same
demands of pods that are placed already.

Source: "Assigning Pods to Nodes", inter-pod affinity and anti-affinity.
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.podterms import Query, Term
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Numbers, Rows, Snapshot
from podo.scheduler.tallies import DomainSums

NAME = "InterPodAffinity"
_AFFINITY = Reason(NAME, "node(s) didn't match pod affinity rules", unresolvable=True)
_ANTI = Reason(NAME, "node(s) didn't match pod anti-affinity rules")
_EXISTING = Reason(NAME, "node(s) didn't satisfy existing pods anti-affinity rules")


class InterPodAffinity:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset(
        {ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS, ClusterEvent.POD_ADDED, ClusterEvent.POD_REMOVED}
    )

    def __init__(self, hard_weight: int = 1, ignore_preferred_of_existing: bool = False) -> None:
        """``ignore_preferred_of_existing``: a pod that prefers nothing itself is not scored."""
        self._hard_weight = hard_weight
        self._ignore_preferred_of_existing = ignore_preferred_of_existing

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        masks = [mask for check in _CHECKS if (mask := check(pod, snapshot)) is not None]
        if not masks:
            return None
        whole: Mask = np.logical_and.reduce(masks)
        return whole[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        for check, reason in zip(_CHECKS, (_AFFINITY, _ANTI, _EXISTING), strict=True):
            mask = check(pod, snapshot)
            if mask is not None and not mask[row]:
                return (reason,)
        return ()

    def score(self, pod: PodInfo, snapshot: Snapshot, feasible: Mask) -> Numbers | None:
        raw = self._raw(pod, snapshot)
        if raw is None:
            return None
        good = raw[feasible]
        least, most = int(good.min(initial=2**62)), int(good.max(initial=-(2**62)))
        if least >= most:
            return None
        scaled: Numbers = (100.0 * ((raw - least) / (most - least))).astype(np.int64)
        return scaled

    def _raw(self, pod: PodInfo, snapshot: Snapshot) -> Numbers | None:
        """What the pod likes of each node's neighbourhood, and what that likes of the pod."""
        if self._ignore_preferred_of_existing and not pod.terms.preferred:
            return None
        parts = [_counts(snapshot, term.query, term) * term.weight for term in pod.terms.preferred]
        parts += [
            snapshot.tallies.carried_sums(carried).by_row() * weight
            for carried in snapshot.tallies.liking(pod.pod_class)
            if (weight := 1 if carried.term.weight else self._hard_weight)
        ]
        if not parts:
            return None
        total: Numbers = np.add.reduce(parts)
        return total


def _sums(snapshot: Snapshot, query: Query, term: Term) -> DomainSums:
    return snapshot.tallies.count(query, term.topology_key, snapshot.present, "present")


def _counts(snapshot: Snapshot, query: Query, term: Term) -> Numbers:
    return _sums(snapshot, query, term).by_row()


def _affinity(pod: PodInfo, snapshot: Snapshot) -> Mask | None:
    """Each term's domain has a pod that all terms match. The first of a group that wants to be together finds none:
    it may go anywhere where the topologies are."""
    terms, together = pod.terms.affinity, pod.terms.all_affinity
    if together is None:
        return None
    mask: Mask = np.ones(snapshot.capacity, dtype=bool)
    anywhere = False
    for term in terms:
        sums = _sums(snapshot, together, term)
        anywhere = anywhere or bool(sums.sums.any())
        mask &= sums.by_row() > 0
    if anywhere or not together.matches(pod.pod_class, snapshot.tallies.namespaces):
        return mask
    return np.logical_and.reduce([snapshot.domains(term.topology_key).of_row >= 0 for term in terms])


def _anti_affinity(pod: PodInfo, snapshot: Snapshot) -> Mask | None:
    masks = [_counts(snapshot, term.query, term) == 0 for term in pod.terms.anti]
    return np.logical_and.reduce(masks) if masks else None


def _existing(pod: PodInfo, snapshot: Snapshot) -> Mask | None:
    tallies = snapshot.tallies
    masks = [tallies.carried_sums(carried).by_row() == 0 for carried in tallies.anti_against(pod.pod_class)]
    return np.logical_and.reduce(masks) if masks else None


_CHECKS = (_affinity, _anti_affinity, _existing)
