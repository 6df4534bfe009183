"""Job: runs pods to their end, counts each once, and says when enough have succeeded or too many failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of, controller_of, is_deleting, name_of, namespace_of, uid_of
from podo.api.parts.indexes import text_of
from podo.controllers import conditions
from podo.controllers.claims import claim, claimants
from podo.controllers.job.staffing import dismiss, held_back, staff
from podo.controllers.job.tally import (
    MOST_UNCOUNTED,
    Tally,
    has_failed,
    is_indexed,
    is_tracked,
    tally,
    untracked,
)
from podo.controllers.job.verdict import FINAL, Condition, completed, condition, is_finished, verdict
from podo.controllers.podstate import phase_of
from podo.reconcile.actions import Action, CheckAgain, SetStatus, Tell
from podo.reconcile.declare import Key, View, controller
from podo.values import timestamp

#: ``spec.managedBy`` of the Jobs that are ours, where it is given.
MANAGER = "kubernetes.io/job-controller"
Status = dict[str, Any]


#: How a key begins that is a pod's, one that nobody counts; no Job has such a name.
_POD = "/"


def _around(pod: Obj, view: View) -> Iterator[Key]:
    if is_tracked(pod) and _is_orphan(pod, view):
        yield Key(namespace_of(pod), f"{_POD}{name_of(pod)}")
    for job in claimants("Job", pod, view):
        yield Key(namespace_of(job), name_of(job))


def _is_orphan(pod: Obj, view: View) -> bool:
    """Has it no controller, or was that a Job that is gone?"""
    owner = controller_of(pod)
    if owner is None or owner["kind"] != "Job":
        return owner is None
    job = view.get("Job", owner["name"], namespace_of(pod))
    return job is None or uid_of(job) != owner["uid"]


@controller(name="job", reconciles="Job", owns=("Pod",), watches={"Pod": _around}, reads=("Namespace",))
def reconcile(key: Key, view: View) -> Iterator[Action]:
    if key.name.startswith(_POD):
        pod = view.get("Pod", key.name.removeprefix(_POD), key.namespace)
        if pod is not None and is_tracked(pod) and _is_orphan(pod, view):
            yield untracked(pod)
        return
    job = view.get("Job", key.name, key.namespace)
    if job is None:
        yield from _orphans(key, view)
        return
    if job["spec"].get("managedBy") not in (None, "", MANAGER):
        return
    claims = claim(job, "Pod", job["spec"]["selector"], view)
    yield from (untracked(pod) for pod in claims.released if is_tracked(pod))
    yield from claims.actions()
    if is_finished(job):
        yield from (untracked(pod) for pod in claims.held if is_tracked(pod))
    else:
        yield from _sync(tally(job, claims.held, view.now), view)


def _orphans(key: Key, view: View) -> Iterator[Action]:
    """Nobody counts the pods of a Job that is gone."""
    for pod in view.list("Pod", key.namespace):
        if is_tracked(pod) and (controller_of(pod) or {}).get("name") == key.name and _is_orphan(pod, view):
            yield untracked(pod)


def _sync(count: Tally, view: View) -> Iterator[Action]:
    job = count.job
    started_at = _started_at(job, count.now)
    end = verdict(count, started_at)
    staffing: list[Action] = []
    if end is not None:
        staffing = list(dismiss(job, count.active))
    elif not is_deleting(job):
        staffing = list(staff(count, view))
        if _is_complete(count) and not any(not isinstance(action, CheckAgain) for action in staffing):
            end, staffing = completed(count), []
    # Pods that may not be made, in a namespace that goes say, must not keep those that have ended.
    yield from _written_down(count, end, started_at, bool(staffing))
    yield from staffing
    deadline = job["spec"].get("activeDeadlineSeconds")
    if end is None and deadline is not None and started_at is not None:
        yield CheckAgain(max(0.0, started_at + deadline - count.now) + 0.001)


def _started_at(job: Obj, now: float) -> float | None:
    """When the Job began, or began again after a suspension (seconds)."""
    if job["spec"].get("suspend"):
        return None
    since = (job.get("status") or {}).get("startTime")
    paused = condition_of(job, "Suspended")
    resumed = paused is not None and paused.get("status") == "True"
    return timestamp.parse(since) if since and not resumed else float(int(now))


def _is_complete(count: Tally) -> bool:
    """Without completions any success is enough, once the others have ended too."""
    if count.active:
        return False
    wanted = count.job["spec"].get("completions")
    return count.succeeded > 0 if wanted is None else count.succeeded >= wanted


def _written_down(count: Tally, end: Condition | None, started_at: float | None, busy: bool) -> Iterator[Action]:
    """The status; then the finalizers of the pods that it accounts for, which the next pass finds gone."""
    job = count.job
    status = _counts(count, end, started_at)
    present = (job.get("status") or {}).get("conditions") or []
    changed = _conditions(count, end, present)
    if end is not None and not busy and _has_settled(count, status):
        changed = [*changed, condition(FINAL[end["type"]], end["reason"], end["message"], count.now)]
        if end["type"] == "SuccessCriteriaMet":
            status["completionTime"] = timestamp.time(count.now)
    if changed:
        status["conditions"] = changed
    yield SetStatus(job, status)
    yield from _told(job, present, changed, count)
    held, counted = held_back(count), {uid_of(pod) for pod in count.new_failed}
    released = (pod for pod in count.tracked if _may_go(count, end, pod, status, held, counted))
    yield from (untracked(pod) for _, pod in zip(range(MOST_UNCOUNTED), released, strict=False))


def _counts(count: Tally, end: Condition | None, started_at: float | None) -> Status:
    job, old = count.job, count.job.get("status") or {}
    failed = [*count.uncounted_failed, *map(uid_of, count.new_failed)]
    if end is not None and end["type"] == "FailureTarget":
        failed += [uid_of(p) for p in count.tracked if uid_of(p) not in failed and _counts_as_failed(p)]
    succeeded = [] if is_indexed(job) else [*count.uncounted_succeeded, *map(uid_of, count.new_succeeded)]
    uncounted = {"succeeded": succeeded[:MOST_UNCOUNTED], "failed": failed[:MOST_UNCOUNTED]}
    numbers = {
        "active": len(count.active),
        "succeeded": len(count.succeeded_indexes) if is_indexed(job) else count.counted_succeeded,
        "failed": count.counted_failed,
    }
    indexes = {"completedIndexes": text_of(count.succeeded_indexes), "failedIndexes": text_of(count.failed_indexes)}
    start = old.get("startTime") if started_at is None else timestamp.time(started_at)
    if job["spec"].get("backoffLimitPerIndex") is None or not is_indexed(job):
        indexes.pop("failedIndexes")
    elif not indexes["failedIndexes"]:
        indexes["failedIndexes"] = ""
    return {
        **{name: number for name, number in numbers.items() if number},
        **{name: text for name, text in indexes.items() if text or name == "failedIndexes"},
        **({"startTime": start} if start else {}),
        "ready": count.ready,
        "terminating": count.terminating,
        "uncountedTerminatedPods": {name: uids for name, uids in uncounted.items() if uids},
    }


def _counts_as_failed(pod: Obj) -> bool:
    """When the Job fails, what is on its way out counts as failed; what still runs is looked at when it is not."""
    return phase_of(pod) != "Succeeded" and is_deleting(pod)


def _may_go(count: Tally, end: Condition | None, pod: Obj, status: Status, held: set[str], counted: set[str]) -> bool:
    """Is the pod's end in the status, or of no more interest? ``held``: uids that wait for a successor; ``counted``:
    those of failures that count.
    """
    uid, uncounted = uid_of(pod), status["uncountedTerminatedPods"]
    if is_deleting(count.job):
        return True
    if uid in uncounted.get("failed", ()):  # also one that ended well after it was given up
        return end is not None or uid not in held
    if phase_of(pod) == "Succeeded":
        return is_indexed(count.job) or uid in uncounted.get("succeeded", ())
    if has_failed(count.job, pod):
        return uid not in counted and (end is not None or uid not in held)
    return end is not None and end["type"] == "SuccessCriteriaMet" and is_deleting(pod)


def _has_settled(count: Tally, status: Status) -> bool:
    """Are all pods ended and counted?"""
    return not (status["uncountedTerminatedPods"] or count.active or count.terminating or _open(count))


def _open(count: Tally) -> bool:
    return any(phase_of(pod) != "Succeeded" or not is_indexed(count.job) for pod in count.tracked)


def _conditions(count: Tally, end: Condition | None, present: list[Condition]) -> list[Condition]:
    """With ``end`` where it is new, else with Suspended as the spec has it."""
    if end is not None:
        return present if any(c["type"] == end["type"] for c in present) else [*present, end]
    suspend = bool(count.job["spec"].get("suspend"))
    old = conditions.find(present, "Suspended")
    if is_deleting(count.job) or (old is None and not suspend):
        return present
    if old is not None and (old.get("status") == "True") == suspend:
        return present
    said = ("JobSuspended", "Job suspended") if suspend else ("JobResumed", "Job resumed")
    new = condition("Suspended", *said, count.now, status=str(suspend))
    return [new if c is old else c for c in present] if old is not None else [*present, new]


def _told(job: Obj, before: list[Condition], after: list[Condition], count: Tally) -> Iterator[Action]:
    """Events for the conditions that have changed."""
    for each in after:
        if any(each is old for old in before):
            continue
        if each["type"] == "Suspended":
            yield Tell(job, "Suspended" if each["status"] == "True" else "Resumed", each["message"])
        elif each["type"] == "Complete":
            wanted = job["spec"].get("completions")
            if wanted is not None and count.succeeded > wanted:
                text = "Too many succeeded pods running after completion count reached"
                yield Tell(job, "TooManySucceededPods", text, "Warning")
            yield Tell(job, "Completed", "Job completed")
        elif each["type"] == "Failed":
            yield Tell(job, each["reason"], each["message"], "Warning")
