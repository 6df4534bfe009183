"""RollingUpdate of a DaemonSet: which old pods may go now, and which nodes get a new one beside the old."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import is_deleting, labels_of
from podo.controllers.podstate import seconds_until_available
from podo.controllers.revisions import HASH
from podo.values.intstr import scaled


@dataclass(frozen=True, slots=True)
class Rollout:
    """A DaemonSet, its pods by node, and what counts as new. ``desired``: how many nodes must have a pod."""

    daemonset: Obj
    pods: Mapping[str, list[Obj]]
    hashes: frozenset[str]
    desired: int
    now: float

    def is_new(self, pod: Obj) -> bool:
        return labels_of(pod).get(HASH, "") in self.hashes

    def is_available(self, pod: Obj) -> bool:
        minimum = int(self.daemonset["spec"].get("minReadySeconds") or 0)
        return seconds_until_available(pod, minimum, self.now) == 0

    def limits(self) -> tuple[int, int]:
        """(surge, unavailable) in pods; where both come to 0 one may be unavailable."""
        rolling = _rolling(self.daemonset)
        surge = scaled(rolling.get("maxSurge", 0), self.desired, round_up=True)
        unavailable = scaled(rolling.get("maxUnavailable", 1), self.desired, round_up=True)
        return (surge, unavailable) if surge or unavailable else (0, 1)


@dataclass(slots=True)
class Step:
    """``delete``: old pods; ``create``: nodes."""

    delete: list[Obj] = field(default_factory=list)
    create: list[str] = field(default_factory=list)


def _rolling(daemonset: Obj) -> dict[str, Any]:
    return (daemonset["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def surges(daemonset: Obj) -> bool:
    """May a node have an old and a new pod at once?"""
    value = _rolling(daemonset).get("maxSurge") or 0
    return value not in (0, "0%")


def next_step(rollout: Rollout) -> Step:
    surge, unavailable = rollout.limits()
    return _surging(rollout, surge) if surge else _replacing(rollout, unavailable)


def _replacing(rollout: Rollout, most: int) -> Step:
    """Old pods that are unavailable anyway, then as many available ones as ``most`` leaves room for."""
    missing, broken, candidates = 0, [], []
    for pods in rollout.pods.values():
        pair = _pair(rollout, pods)
        if pair is None or (pair[0] is None) == (pair[1] is None):
            missing += 1  # to be put right first
            continue
        new, old = pair
        if new is not None:
            missing += not rollout.is_available(new)
        elif old is not None and not rollout.is_available(old):
            broken.append(old)
            missing += 1
        elif old is not None:
            candidates.append(old)
    return Step(delete=[*broken, *candidates[: max(0, most - missing)]])


def _surging(rollout: Rollout, most: int) -> Step:
    """A new pod beside each old one, ``most`` at once; the old one goes when the new one is available."""
    candidates: list[str] = []
    step, under_way = Step(), 0
    for node, pods in rollout.pods.items():
        pair = _pair(rollout, pods)
        if pair is None:
            under_way += 1
            continue
        new, old = pair
        if old is None:
            continue
        if new is None:
            (candidates if rollout.is_available(old) else step.create).append(node)
        elif rollout.is_available(new):
            step.delete.append(old)
        else:
            under_way += 1
    step.create.extend(candidates[: max(0, most - under_way)])
    return step


def _pair(rollout: Rollout, pods: list[Obj]) -> tuple[Obj | None, Obj | None] | None:
    """The new and the old pod of a node; None where it has more than one of either."""
    living = [pod for pod in pods if not is_deleting(pod)]
    new = [pod for pod in living if rollout.is_new(pod)]
    old = [pod for pod in living if not rollout.is_new(pod)]
    if len(new) > 1 or len(old) > 1:
        return None
    return (new[0] if new else None), (old[0] if old else None)
