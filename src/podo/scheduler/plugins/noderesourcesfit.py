"""NodeResourcesFit: what a pod requests must be free on the node; by default nodes with more left
over are better (LeastAllocated).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent, Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import CPU, MEMORY, PODS, Mask, Numbers, Rows, Snapshot
from podo.scheduler.strategies import LEAST_ALLOCATED, Strategy

#: Resources that every node has; others are extended.
_NATIVE = ("cpu", "memory", "ephemeral-storage", "pods")


NAME = "NodeResourcesFit"
_TOO_MANY = Reason(NAME, "Too many pods")


@lru_cache(1024)
def _insufficient(resource: str, unresolvable: bool) -> Reason:
    return Reason(NAME, f"Insufficient {resource}", unresolvable=unresolvable)


class NodeResourcesFit:
    name = NAME
    wide = False
    amounts_only = True
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_ALLOCATABLE, ClusterEvent.POD_REMOVED})
    normal = Normal.NONE

    def __init__(
        self,
        strategy: Strategy = LEAST_ALLOCATED,
        ignored: frozenset[str] = frozenset(),
        ignored_groups: frozenset[str] = frozenset(),
    ) -> None:
        """``ignored``: extended resources, and ``ignored_groups``: their domains, that others look after."""
        self._strategy = strategy
        self._ignored = ignored
        self._ignored_groups = ignored_groups

    def _asked(self, pod: PodInfo) -> Iterable[tuple[str, int]]:
        if not self._ignored and not self._ignored_groups:
            return pod.requests.items()
        return [
            (name, amount)
            for name, amount in pod.requests.items()
            if name not in self._ignored and name.partition("/")[0] not in self._ignored_groups
        ]

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        requested, allocatable = snapshot.requested, snapshot.allocatable
        mask: Mask = requested[PODS, rows] < allocatable[PODS, rows]
        for name, amount in self._asked(pod):
            index = snapshot.resources.get(name)
            if amount and index is None:  # no node has ever had any
                mask &= name in snapshot.devices.extended
            elif amount:
                enough = requested[index, rows] + amount <= allocatable[index, rows]
                mask &= enough | (allocatable[index, rows] == 0) if name in snapshot.devices.extended else enough
        return mask

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return tuple(reason for reason, _, left in self.room(pod, snapshot, row) if left < 0)

    def room(self, pod: PodInfo, snapshot: Snapshot, row: int) -> list[tuple[Reason, str, int]]:
        """For each resource that the pod asks for: what is said where there is too little, its name, and how much
        would be left of it with the pod on the node."""
        found = [(_TOO_MANY, "pods", int(snapshot.allocatable[PODS, row] - snapshot.requested[PODS, row]) - 1)]
        for name, amount in self._asked(pod):
            if amount:
                index = snapshot.resources.get(name)
                whole = int(snapshot.allocatable[index, row]) if index is not None else 0
                used = int(snapshot.requested[index, row]) if index is not None else 0
                if not whole and name in snapshot.devices.extended:
                    continue  # devices stand for it, which are not counted here
                found.append((_insufficient(name, amount > whole), name, whole - used - amount))
        return found

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        """The weighted mean over the resources that the node has; extended ones count where the pod asks for them."""
        total: Numbers | int = 0
        weights: Numbers | int = 0
        for name, weight in self._strategy.resources:
            index = snapshot.resources.get(name)
            if index is None or (index >= len(_NATIVE) and not pod.requests.get(name)):
                continue
            whole = snapshot.allocatable[index, rows]
            points = self._strategy.points(_used(pod, snapshot, name, index, rows), np.maximum(whole, 1))
            counts = (whole > 0) & (points > 0) if self._strategy.only_positive else whole > 0
            total = total + np.where(counts, points, 0) * weight
            weights = weights + counts * weight
        if isinstance(total, int):
            return None
        divisor = np.maximum(weights, 1)
        return (2 * total + divisor) // (2 * divisor) if self._strategy.only_positive else total // divisor


def _used(pod: PodInfo, snapshot: Snapshot, name: str, index: int, rows: Rows) -> Numbers:
    """With the pod; of cpu and memory, pods that ask for none count a little."""
    if index in (CPU, MEMORY):
        return snapshot.scored[index, rows] + pod.scored[index]
    used: Numbers = snapshot.requested[index, rows] + pod.requests.get(name, 0)
    return used
