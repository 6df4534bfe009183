"""Which pods go first when a ReplicaSet shrinks.

Source: the ReplicaSet documentation and KEP-2185 (random scale-down within ranks of age).
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cmp_to_key
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, uid_of
from podo.controllers.podstate import is_ready, phase_of, ready_since, restarts_of
from podo.values import timestamp

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def least_useful(pods: list[Obj], count: int, related: list[Obj], now: float) -> list[Obj]:
    """``count`` of ``pods``, the first to go first. ``related``: active pods that count as doubles on their nodes."""
    return pods if count >= len(pods) else ranked(pods, related, now)[:count]


def ranked(pods: list[Obj], related: list[Obj], now: float) -> list[Obj]:
    """All of ``pods`` in the order in which they go."""
    crowd = Counter(_node(pod) for pod in related)

    def order(one: Obj, two: Obj) -> int:
        return _order(one, two, crowd, now)

    return sorted(pods, key=cmp_to_key(order))


def _order(one: Obj, two: Obj, crowd: Counter[str], now: float) -> int:
    """Below 0 where ``one`` goes before ``two``."""
    first, second = _plain_rank(one, crowd), _plain_rank(two, crowd)
    if first != second:
        return -1 if first < second else 1
    if is_ready(one) and (order := _younger_first(ready_since(one), ready_since(two), one, two, now)):
        return order
    if (first_restarts := restarts_of(one)) != (second_restarts := restarts_of(two)):
        return -1 if first_restarts > second_restarts else 1
    return _younger_first(_created(one), _created(two), one, two, now)


def unfinished_first(pods: list[Obj]) -> list[Obj]:
    """In the order in which a Job's pods go: those that have done least. A cost of deletion says nothing here."""

    def rank(pod: Obj) -> tuple[Any, ...]:
        regular, of_sidecars = restarts_of(pod)
        place = bool(_node(pod)), _PHASES.get(phase_of(pod), 0), is_ready(pod)
        return *place, -(ready_since(pod) or math.inf), -regular, -of_sidecars, -(_created(pod) or math.inf)

    return sorted(pods, key=rank)


def _plain_rank(pod: Obj, crowd: Counter[str]) -> tuple[bool, int, bool, int, int]:
    """Unassigned, then by phase, then unready, then cheap, then those on crowded nodes."""
    node = _node(pod)
    return bool(node), _PHASES.get(phase_of(pod), 0), is_ready(pod), deletion_cost(pod), -crowd[node]


def deletion_cost(pod: Obj) -> int:
    """The annotation's value; 0 where it is absent or not an int32."""
    try:
        cost = int(annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0
    return cost if -(2**31) <= cost < 2**31 else 0


def _younger_first(one_at: float | None, two_at: float | None, one: Obj, two: Obj, now: float) -> int:
    """By powers of two of the age, so that of pods about as old any may go (by uid), not always the youngest."""
    if one_at == two_at:
        return 0
    if one_at is None or two_at is None:
        return -1 if one_at is None else 1
    if order := _age_rank(now - one_at) - _age_rank(now - two_at):
        return order
    return -1 if uid_of(one) < uid_of(two) else 1


def _age_rank(seconds: float) -> int:
    nanoseconds = int(seconds * 1e9)
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def _created(pod: Obj) -> float | None:
    text = pod["metadata"].get("creationTimestamp")
    return timestamp.parse(text) if text else None


def _node(pod: Obj) -> str:
    return str(pod["spec"].get("nodeName") or "")
