"""What the scheduler has tried, under the names of upstream's scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podo.runtime.metrics import Counter, Family, Histogram, gauge

#: Seconds; upstream's: from a millisecond, doubled.
_DURATIONS = tuple(0.001 * 2**power for power in range(15))
_LABELS = ("result", "profile")


class SchedulerMetrics:
    """``result``: scheduled, unschedulable or error."""

    def __init__(self) -> None:
        self._attempts = Counter("scheduler_schedule_attempts_total", "Attempts to place a pod.", _LABELS)
        text = "Time of deciding about one pod."
        self._durations = Histogram("scheduler_scheduling_attempt_duration_seconds", text, _LABELS, _DURATIONS)

    def tried(self, result: str, profile: str, seconds: float) -> None:
        self._attempts.add((result, profile))
        self._durations.of((result, profile)).observe(seconds)

    def failed(self, profile: str) -> None:
        """A decision could not be carried out."""
        self._attempts.add(("error", profile))

    def families(self, pending: Mapping[str, int]) -> Iterable[Family]:
        """``pending``: how many pods wait, by the part of the queue."""
        yield self._attempts.family()
        yield self._durations.family()
        rows = [((queue,), float(count)) for queue, count in pending.items()]
        yield gauge("scheduler_pending_pods", "Pods that wait for a node.", ("queue",), rows)
