"""NodeResourcesBalancedAllocation: better where the pod would bring the fractions to which the resources (by default
cpu and memory) are used closer together than they are without it.

Pods that ask for none of them are left out. Source: kubernetes/kubernetes#135573.
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import Numbers, Rows, Snapshot


class BalancedAllocation:
    name = "NodeResourcesBalancedAllocation"
    amounts_only = True
    normal = Normal.NONE

    def __init__(self, resources: tuple[str, ...] = ("cpu", "memory")) -> None:
        self._resources = resources

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        if not any(pod.requests.get(name) for name in self._resources):
            return None
        wanted = [(snapshot.resources[name], name) for name in self._resources if name in snapshot.resources]
        asked = [(index, pod.requests.get(name, 0)) for index, name in wanted if index < 3 or pod.requests.get(name)]
        indices = [index for index, _ in asked]
        whole = snapshot.allocatable[:, rows][indices]
        before = snapshot.requested[:, rows][indices]
        after = before + np.array([[amount] for _, amount in asked])
        return 50 + (50 + _balance(after, whole) - _balance(before, whole)) // 2


def _balance(used: Numbers, whole: Numbers) -> Numbers:
    """50 to 100: the closer the fractions, the more."""
    fractions = np.minimum(used / np.maximum(whole, 1), 1.0)
    return ((1 - _deviation(fractions, whole > 0)) * 100).astype(np.int64)


def _deviation(fractions: np.ndarray, has: np.ndarray) -> np.ndarray:
    """The standard deviation of the fractions of the resources that a node has; of two it is half the difference."""
    if len(fractions) == 2:
        return np.where(has.all(axis=0), np.abs((fractions[0] - fractions[1]) / 2), 0.0)
    count = np.maximum(has.sum(axis=0), 1)
    mean = np.where(has, fractions, 0.0).sum(axis=0) / count
    return np.sqrt(np.where(has, (fractions - mean) ** 2, 0.0).sum(axis=0) / count)
