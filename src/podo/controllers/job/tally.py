"""How many pods of a Job have succeeded and failed, counted once each, whatever becomes of the pods.

A pod carries a finalizer until its end is written down in the Job's status: first its uid among the uncounted ones,
then, once the finalizer is gone, as one more in the sum. Source: KEP-2307.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, uid_of
from podo.api.parts.indexes import parse
from podo.controllers.job.failurepolicy import judge
from podo.controllers.podstate import is_active, is_ready, is_terminating, phase_of
from podo.reconcile.actions import Patch

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
#: The most uids that wait in a status at once.
MOST_UNCOUNTED = 500


def is_tracked(pod: Obj) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def untracked(pod: Obj) -> Patch:
    """The pod without the Job's finalizer, at its present version."""
    metadata = pod["metadata"]
    left = [name for name in metadata.get("finalizers") or () if name != TRACKING]
    wanted = {"uid": uid_of(pod), "resourceVersion": metadata["resourceVersion"], "finalizers": left or None}
    return Patch(pod, {"metadata": wanted})


def number_in(pod: Obj, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    return int(text) if text.isdecimal() else 0


def index_of(pod: Obj) -> int:
    """The pod's completion index; -1 for none."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def waits_for_end(job: Obj) -> bool:
    """Is a pod replaced only when it has ended, not when it begins to?"""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def has_failed(job: Obj, pod: Obj) -> bool:
    if phase_of(pod) == "Failed":
        return True
    if waits_for_end(job):
        return is_deleting(pod) and phase_of(pod) == "Pending"
    return is_deleting(pod) and phase_of(pod) != "Succeeded"


@dataclass(slots=True)
class Tally:
    """The pods of one Job at one moment, and the sums that follow."""

    job: Obj
    pods: list[Obj]
    now: float
    #: Sums without those that are still uncounted.
    counted_succeeded: int = 0
    counted_failed: int = 0
    uncounted_succeeded: list[str] = field(default_factory=list)
    uncounted_failed: list[str] = field(default_factory=list)
    #: Ended, and in no sum nor list yet.
    new_succeeded: list[Obj] = field(default_factory=list)
    new_failed: list[Obj] = field(default_factory=list)
    succeeded_indexes: set[int] = field(default_factory=set)
    failed_indexes: set[int] = field(default_factory=set)

    @property
    def active(self) -> list[Obj]:
        return [pod for pod in self.pods if is_active(pod)]

    @property
    def ready(self) -> int:
        return sum(is_ready(pod) for pod in self.active)

    @property
    def terminating(self) -> int:
        return sum(is_terminating(pod) for pod in self.pods)

    @property
    def tracked(self) -> list[Obj]:
        return [pod for pod in self.pods if is_tracked(pod)]

    @property
    def succeeded(self) -> int:
        if is_indexed(self.job):
            return len(self.succeeded_indexes)
        return self.counted_succeeded + len(self.uncounted_succeeded) + len(self.new_succeeded)

    @property
    def failed(self) -> int:
        return self.counted_failed + len(self.uncounted_failed) + len(self.new_failed)


def tally(job: Obj, pods: list[Obj], now: float) -> Tally:
    status = job.get("status") or {}
    uncounted = status.get("uncountedTerminatedPods") or {}
    found = Tally(job, pods, now)
    waiting = {uid_of(pod) for pod in found.tracked}
    succeeded, failed = uncounted.get("succeeded") or [], uncounted.get("failed") or []
    found.uncounted_succeeded = [uid for uid in succeeded if uid in waiting]
    found.uncounted_failed = [uid for uid in failed if uid in waiting]
    found.counted_succeeded = int(status.get("succeeded") or 0) + len(succeeded) - len(found.uncounted_succeeded)
    found.counted_failed = int(status.get("failed") or 0) + len(failed) - len(found.uncounted_failed)
    listed = {*found.uncounted_succeeded, *found.uncounted_failed}
    _sort_new([pod for pod in found.tracked if uid_of(pod) not in listed], found)
    if is_indexed(job):
        _indexes(found, status)
    return found


def _sort_new(pods: list[Obj], found: Tally) -> None:
    for pod in pods:
        if phase_of(pod) == "Succeeded":
            found.new_succeeded.append(pod)
        elif has_failed(found.job, pod) and judge(found.job, pod).counts and _belongs(found.job, pod):
            found.new_failed.append(pod)


def _belongs(job: Obj, pod: Obj) -> bool:
    return not is_indexed(job) or 0 <= index_of(pod) < completions_of(job)


def completions_of(job: Obj) -> int:
    return int(job["spec"].get("completions") or 0)


def _indexes(found: Tally, status: dict[str, Any]) -> None:
    job, wanted = found.job, completions_of(found.job)
    known = parse(status.get("completedIndexes") or "")
    ended = {index_of(pod) for pod in found.tracked if phase_of(pod) == "Succeeded"}
    found.succeeded_indexes = {index for index in known | ended if 0 <= index < wanted}
    limit = job["spec"].get("backoffLimitPerIndex")
    if limit is not None:
        lost = {index_of(pod) for pod in found.tracked if _is_lost(job, pod, limit)}
        known = parse(status.get("failedIndexes") or "")
        found.failed_indexes = {index for index in known | lost if 0 <= index < wanted}


def _is_lost(job: Obj, pod: Obj, limit: int) -> bool:
    """Has the pod's index no try left?"""
    if not has_failed(job, pod):
        return False
    judgement = judge(job, pod)
    return judgement.action == "FailIndex" or (judgement.counts and number_in(pod, FAILURES) >= limit)
