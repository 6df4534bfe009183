"""The things of one Deployment that a pass looks at, and the numbers read from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.controllers.replicaset import replicas_of
from podo.values.intstr import scaled


@dataclass(frozen=True, slots=True)
class Rollout:
    """A Deployment with its ReplicaSets, oldest first: ``new`` has the Deployment's present template, ``old``
    others.
    """

    deployment: Obj
    new: Obj | None
    old: list[Obj]
    now: float

    @property
    def all(self) -> list[Obj]:
        return self.old if self.new is None else [*self.old, self.new]

    @property
    def active_old(self) -> list[Obj]:
        return [rs for rs in self.old if replicas_of(rs) > 0]


def is_rolling(deployment: Obj) -> bool:
    return bool(_strategy(deployment).get("type", "RollingUpdate") == "RollingUpdate")


def max_surge(deployment: Obj) -> int:
    """How many pods there may be above the wanted number while rolling; 0 for Recreate."""
    return _fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    """How many of the wanted pods may be unavailable while rolling; 0 for Recreate and for an empty Deployment."""
    replicas = replicas_of(deployment)
    if not is_rolling(deployment) or replicas == 0:
        return 0
    return min(_fenceposts(deployment)[1], replicas)


def _strategy(deployment: Obj) -> dict[str, Any]:
    return deployment["spec"].get("strategy") or {}


def _fenceposts(deployment: Obj) -> tuple[int, int]:
    """(surge, unavailable). Percents round up for surge, down for unavailable.

    Where both come to 0 a rollout would stand still, so one pod may be unavailable.
    """
    rolling = _strategy(deployment).get("rollingUpdate") or {}
    replicas = replicas_of(deployment)
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def count(sets: list[Obj], field: str) -> int:
    """The sum of a status field over ReplicaSets."""
    return sum(int((rs.get("status") or {}).get(field) or 0) for rs in sets)


def wanted(sets: list[Obj]) -> int:
    """The sum of ``spec.replicas``."""
    return sum(replicas_of(rs) for rs in sets)
