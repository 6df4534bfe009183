"""How often the Job controller looked at Jobs, what it did then and how long that took, as metrics under upstream's
names.

Source: the "Kubernetes Metrics Reference", job_controller_job_syncs_total and job_controller_job_sync_duration_seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podo.reconcile.actions import Action, Create, Delete, SetStatus
from podo.runtime.metrics import Family, Histogram, counter

_LABELS = ("completion_mode", "result", "action")
#: Seconds; upstream's.
_DURATIONS = tuple(0.004 * 2**power for power in range(15))


class JobSyncs:
    """``action``: pods_created, pods_deleted or tracking (neither). Jobs that have ended are not counted."""

    def __init__(self) -> None:
        text = "Time of looking at a Job and doing what it needs."
        self._durations = Histogram("job_controller_job_sync_duration_seconds", text, _LABELS, _DURATIONS)

    def seen(self, actions: Sequence[Action], seconds: float, done: bool) -> None:
        """A pass of the controller. Each that is about a Job that has not ended says what its status should be."""
        job = next((each.obj for each in actions if isinstance(each, SetStatus)), None)
        if job is not None:
            mode = job["spec"].get("completionMode") or "NonIndexed"
            labels = (mode, "success" if done else "error", _action(actions))
            self._durations.of(labels).observe(seconds)

    def families(self) -> Iterable[Family]:
        yield counter("job_controller_job_syncs_total", "Looks at Jobs.", _LABELS, self._durations.counts())
        yield self._durations.family()


def _action(actions: Sequence[Action]) -> str:
    if any(isinstance(each, Create) for each in actions):
        return "pods_created"
    return "pods_deleted" if any(isinstance(each, Delete) for each in actions) else "tracking"
