"""How many replicas a metric asks for, from what each pod uses (pure).

Pods that are missing from the metrics or not ready yet count so that they can only dampen a change. Source: the
documentation's "Horizontal Pod Autoscaling", "Algorithm details".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from podo.api.kind import Obj
from podo.api.meta import condition_of, is_deleting, name_of
from podo.controllers.podstate import phase_of
from podo.values import timestamp

#: How long a starting pod's use of CPU is not believed while it is not ready, and how late it may become ready first.
CPU_INITIALIZATION_SECONDS = 300.0
INITIAL_READINESS_SECONDS = 30.0


class NoMetrics(Exception):
    """A metric says nothing. ``str()`` is for the condition ScalingActive."""


class Reading(NamedTuple):
    """What a pod used: an ``amount`` in thousandths, measured ``at`` (seconds) over ``window`` seconds."""

    amount: int
    at: float
    window: float


Readings = Mapping[str, Reading]  # by pod name


class Tolerance(NamedTuple):
    """How far from 1 a ratio may be without any change."""

    up: float = 0.1
    down: float = 0.1

    def covers(self, ratio: float) -> bool:
        return 1 - self.down <= ratio <= 1 + self.up


@dataclass(slots=True)
class Groups:
    """Pod names by what their readings are worth."""

    ready: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def grouped(pods: Sequence[Obj], readings: Readings, resource: str, now: float) -> Groups:
    groups = Groups()
    for pod in pods:
        name = name_of(pod)
        if is_deleting(pod) or phase_of(pod) == "Failed":
            groups.ignored.append(name)
        elif phase_of(pod) == "Pending":
            groups.unready.append(name)
        elif name not in readings:
            groups.missing.append(name)
        elif resource == "cpu" and _is_starting(pod, readings[name], now):
            groups.unready.append(name)
        else:
            groups.ready.append(name)
    return groups


def _is_starting(pod: Obj, reading: Reading, now: float) -> bool:
    """Is its CPU that of its start, not of its work?"""
    condition = condition_of(pod, "Ready")
    started = (pod.get("status") or {}).get("startTime")
    if condition is None or not started:
        return True
    unready = condition.get("status") == "False"
    began, changed = timestamp.parse(started), timestamp.parse(condition["lastTransitionTime"])
    if began + CPU_INITIALIZATION_SECONDS > now:
        return unready or reading.at < changed + reading.window
    return unready and began + INITIAL_READINESS_SECONDS > changed


class Answer(NamedTuple):
    """``replicas`` as the metric asks; ``average`` (thousandths a pod) and ``percent`` of requests as it shows."""

    replicas: int
    average: int
    percent: int = 0


def by_utilization(
    current: int,
    target: int,
    pods: Sequence[Obj],
    readings: Readings,
    requests: Mapping[str, int],
    groups: Groups,
    tolerance: Tolerance,
) -> Answer:
    """``target``: percent of what the pods request (thousandths, by pod name)."""
    amounts = _believed(readings, groups)
    ratio, percent, average = _utilization(amounts, requests, target)
    fill = {name: requests[name] * max(100, target) // 100 for name in groups.missing}

    def again(filled: Mapping[str, int]) -> float:
        return _utilization(filled, requests, target)[0]

    return Answer(_replicas(current, ratio, amounts, fill, groups, tolerance, again), average, percent)


def _utilization(amounts: Mapping[str, int], requests: Mapping[str, int], target: int) -> tuple[float, int, int]:
    """The ratio to the target, the percentage, and the average amount."""
    asked = sum(requests[name] for name in amounts)
    if not asked:
        raise NoMetrics("no metrics returned matched known pods")
    percent = sum(amounts.values()) * 100 // asked
    return percent / target, percent, sum(amounts.values()) // len(amounts)


def by_average(current: int, target: int, readings: Readings, groups: Groups, tolerance: Tolerance) -> Answer:
    """``target``: thousandths a pod."""
    amounts = _believed(readings, groups)
    average = sum(amounts.values()) // len(amounts)
    fill = dict.fromkeys(groups.missing, target)

    def again(filled: Mapping[str, int]) -> float:
        return sum(filled.values()) // len(filled) / target

    return Answer(_replicas(current, average / target, amounts, fill, groups, tolerance, again), average)


def _believed(readings: Readings, groups: Groups) -> dict[str, int]:
    amounts = {name: readings[name].amount for name in groups.ready}
    if not amounts:
        raise NoMetrics("did not receive metrics for targeted pods (pods might be unready)")
    return amounts


def _replicas(
    current: int,
    ratio: float,
    amounts: Mapping[str, int],
    fill: Mapping[str, int],
    groups: Groups,
    tolerance: Tolerance,
    again: Callable[[Mapping[str, int]], float],
) -> int:
    """From the ratio of use to target to a number of replicas; doubtful pods count against a change."""
    slowed_up = bool(groups.unready) and ratio > 1
    if not slowed_up and not groups.missing:
        return current if tolerance.covers(ratio) else math.ceil(ratio * len(groups.ready))
    filled = dict(amounts)
    if ratio < 1:
        filled.update(fill)
    elif ratio > 1:
        filled.update(dict.fromkeys(groups.missing, 0))
    if slowed_up:
        filled.update(dict.fromkeys(groups.unready, 0))
    new = again(filled)
    if tolerance.covers(new) or (ratio < 1 < new) or (new < 1 < ratio):
        return current
    wanted = math.ceil(new * len(filled))
    if (new < 1 and wanted > current) or (new > 1 and wanted < current):
        return current
    return wanted


def by_value(current: int, ready: int, value: int, target: int, tolerance: Tolerance) -> int:
    """One value for the whole workload, in thousandths as the target."""
    ratio = value / target
    if current == 0:
        return math.ceil(ratio)
    return current if tolerance.covers(ratio) else math.ceil(ratio * ready)


def by_share(current: int, shared_by: int, value: int, target: int, tolerance: Tolerance) -> int:
    """A value that is divided among the replicas (``shared_by`` now); ``target``: each one's share."""
    if shared_by and tolerance.covers(value / (target * shared_by)):
        return current
    return math.ceil(value / target)
