"""CronJob: a Job at each time of its schedule, as many at once and as many kept as it says."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import (
    condition_is_true,
    is_controlled_by,
    is_deleting,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from podo.controllers.job.verdict import is_finished
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, OnRefusal, SetStatus, Tell
from podo.reconcile.declare import Key, View, controller
from podo.reconcile.refusals import of_going_namespace
from podo.values import cron, timestamp

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
#: Seconds after a time of the schedule at which it is looked at.
DELTA = 0.1
_UNSUPPORTED = (
    "CRON_TZ or TZ used in schedule {} is not officially supported, see "
    "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
)
#: More missed times than this are told of.
MANY = 100
Status = dict[str, Any]


@controller(reconciles="CronJob", owns=("Job",))
def reconcile(key: Key, view: View) -> Iterator[Action]:
    cronjob = view.get("CronJob", key.name, key.namespace)
    if cronjob is None:
        return
    jobs = view.owned_by(cronjob, "Job")
    status = copy.deepcopy(cronjob.get("status") or {})
    said = list(_tidied(cronjob, jobs, status))
    yield from _forgotten(cronjob, jobs)
    started = list(_start(cronjob, jobs, status, view)) if not is_deleting(cronjob) else []
    if not status.get("active"):
        status.pop("active", None)
    yield from (action for action in started if not isinstance(action, CheckAgain))
    yield SetStatus(cronjob, status)
    yield from said
    yield from (action for action in started if isinstance(action, CheckAgain))


def _tidied(cronjob: Obj, jobs: list[Obj], status: Status) -> Iterator[Action]:
    """Brings ``status.active`` and lastSuccessfulTime up to date; tells of what has changed."""
    by_uid = {uid_of(job): job for job in jobs}
    active = []
    for reference in status.get("active") or ():
        job = by_uid.get(reference.get("uid"))
        if job is None:
            yield Tell(cronjob, "MissingJob", f"Active job went missing: {reference.get('name')}")
        elif is_finished(job):
            end = "Complete" if condition_is_true(job, "Complete") else "Failed"
            yield Tell(cronjob, "SawCompletedJob", f"Saw completed job: {name_of(job)}, condition: {end}")
        else:
            active.append(reference)
    status["active"] = active
    done = [(job.get("status") or {}).get("completionTime") for job in jobs if condition_is_true(job, "Complete")]
    last = max((moment for moment in (*done, status.get("lastSuccessfulTime")) if moment), default=None)
    if last:
        status["lastSuccessfulTime"] = last


def _forgotten(cronjob: Obj, jobs: list[Obj]) -> Iterator[Action]:
    """Deletes the oldest finished Jobs beyond the limits."""
    limits = (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit"))
    for end, field in limits:
        limit = cronjob["spec"].get(field)
        ended = [job for job in jobs if condition_is_true(job, end) and not is_deleting(job)]
        ended.sort(key=_by_start)
        for job in ended[: len(ended) - limit] if limit is not None and len(ended) > limit else ():
            yield from _deleted(cronjob, job)


def _by_start(job: Obj) -> tuple[bool, str, str]:
    """The earliest first, those that never started last."""
    start = (job.get("status") or {}).get("startTime") or ""
    return not start, start, name_of(job)


def _deleted(cronjob: Obj, job: Obj) -> Iterator[Action]:
    yield Delete(job, propagation="Background", on_refusal=_not_deleted(cronjob))
    yield Tell(cronjob, "SuccessfulDelete", f"Deleted job {name_of(job)}")


def _start(cronjob: Obj, jobs: list[Obj], status: Status, view: View) -> Iterator[Action]:
    spec = cronjob["spec"]
    zone = spec.get("timeZone") or ""
    try:
        cron.zone(zone)
    except cron.ZoneError as problem:
        yield Tell(cronjob, "UnknownTimeZone", f'invalid timeZone: "{zone}": {problem}', "Warning")
        return
    if spec.get("suspend"):
        return
    if "TZ" in spec["schedule"]:
        yield Tell(cronjob, "UnsupportedSchedule", _UNSUPPORTED.format(json.dumps(spec["schedule"])), "Warning")
    try:
        schedule = _parsed(spec["schedule"], zone)
    except cron.CronError as problem:
        text = f'unparseable schedule: "{spec["schedule"]}" : {problem}'
        yield Tell(cronjob, "UnparseableSchedule", text, "Warning")
        return
    if schedule.next(_earliest(cronjob, view.now)) is None:
        text = f"invalid schedule: {spec['schedule']} : time difference between two schedules is less than 1 second"
        yield Tell(cronjob, "InvalidSchedule", text, "Warning")
        return
    yield from _unexpected(cronjob, jobs, status, moment := _due(cronjob, schedule, view.now))
    if moment is not None:
        yield from _run(cronjob, schedule, jobs, status, moment, view)
    following = _following(cronjob, schedule, view.now)
    if following is not None:
        yield CheckAgain(max(0.0, following - view.now) + DELTA)


def _parsed(text: str, zone: str) -> cron.Schedule | cron.Every:
    """A schedule; one that names a zone itself, as those of long ago may, is of that zone. Raises CronError."""
    first, _, rest = text.partition(" ")
    name, named, own_zone = first.partition("=")
    if not named or name not in ("TZ", "CRON_TZ"):
        return cron.parse(text, zone)
    try:
        return cron.parse(rest.strip(), own_zone)
    except cron.ZoneError as problem:
        raise cron.CronError(f"provided bad location {own_zone}: {problem}") from None


def _following(cronjob: Obj, schedule: cron.Schedule | cron.Every, now: float) -> float | None:
    """The first time after now; of an ``@every`` schedule as counted from the last that was served."""
    if isinstance(schedule, cron.Schedule):
        return schedule.next(now)
    last = (cronjob.get("status") or {}).get("lastScheduleTime") or cronjob["metadata"]["creationTimestamp"]
    served = timestamp.parse(last)
    return schedule.next(schedule.latest(served, now) or served)


def _unexpected(cronjob: Obj, jobs: list[Obj], status: Status, moment: float | None) -> Iterator[Action]:
    known = {reference.get("uid") for reference in status["active"]}
    ours = job_name(cronjob, moment) if moment is not None else ""
    for job in jobs:
        if not is_finished(job) and uid_of(job) not in known and name_of(job) != ours:
            text = f"Saw a job that the controller did not create or forgot: {name_of(job)}"
            yield Tell(cronjob, "UnexpectedJob", text, "Warning")


def _earliest(cronjob: Obj, now: float) -> float:
    """Times before this are of no interest: they have been served, or it is too late for them."""
    last = (cronjob.get("status") or {}).get("lastScheduleTime")
    earliest = timestamp.parse(last or cronjob["metadata"]["creationTimestamp"])
    deadline = cronjob["spec"].get("startingDeadlineSeconds")
    return earliest if deadline is None else max(earliest, now - deadline)


def _due(cronjob: Obj, schedule: cron.Schedule | cron.Every, now: float) -> float | None:
    """The latest time of the schedule that has come and was not served."""
    return schedule.latest(_earliest(cronjob, now), now)


def _run(
    cronjob: Obj, schedule: cron.Schedule | cron.Every, jobs: list[Obj], status: Status, moment: float, view: View
) -> Iterator[Action]:
    if _missed(cronjob, schedule, view.now) > MANY:
        text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        yield Tell(cronjob, "TooManyMissedTimes", text, "Warning")
    deadline = cronjob["spec"].get("startingDeadlineSeconds")
    if deadline is not None and moment + deadline < view.now:
        text = f"Missed scheduled time to start a job: {_rfc1123(moment)}"
        yield Tell(cronjob, "MissSchedule", text, "Warning")
        return
    name = job_name(cronjob, moment)
    if any(reference.get("name") == name for reference in status["active"]):
        return
    policy = cronjob["spec"].get("concurrencyPolicy")
    if policy == "Forbid" and status["active"]:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        yield Tell(cronjob, "JobAlreadyActive", text)
        return
    if policy == "Replace":
        uids = {reference.get("uid") for reference in status["active"]}
        for job in jobs:
            if uid_of(job) in uids:
                yield from _deleted(cronjob, job)
        status["active"] = []
    yield from _created(cronjob, status, moment, view)


def _created(cronjob: Obj, status: Status, moment: float, view: View) -> Iterator[Action]:
    """Creates the Job; in a second pass, when its uid is known, notes it in the status."""
    name = job_name(cronjob, moment)
    there = view.get("Job", name, namespace_of(cronjob))
    if there is None:
        yield Create(job_of(cronjob, moment), on_refusal=_failed(cronjob))
        yield Tell(cronjob, "SuccessfulCreate", f"Created job {name}")
        return
    status["lastScheduleTime"] = timestamp.time(moment)
    if is_controlled_by(there, cronjob) and not is_finished(there):
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "namespace": namespace_of(there)}
        version = there["metadata"].get("resourceVersion", "")
        status["active"] = [*status["active"], {**reference, "uid": uid_of(there), "resourceVersion": version}]


def _failed(cronjob: Obj) -> OnRefusal:
    def actions(error: Exception) -> Iterator[Action]:
        if not of_going_namespace(error):
            yield Tell(cronjob, "FailedCreate", f"Error creating job: {error}", "Warning")

    return actions


def _not_deleted(cronjob: Obj) -> OnRefusal:
    def actions(error: Exception) -> Iterator[Action]:
        yield Tell(cronjob, "FailedDelete", f"Deleted job: {error}", "Warning")

    return actions


def _missed(cronjob: Obj, schedule: cron.Schedule | cron.Every, now: float) -> int:
    """About how many times have come since the last that was served, by the distance of the first two."""
    first = schedule.next(_earliest(cronjob, now))
    second = schedule.next(first) if first is not None else None
    if first is None or second is None or now < second:
        return 1
    return int((now - first) / max(1.0, second - first)) + 1


def job_name(cronjob: Obj, moment: float) -> str:
    """The CronJob's name and the time in minutes since the epoch: the same for the same run."""
    return f"{name_of(cronjob)}-{int(moment) // 60}"


def job_of(cronjob: Obj, moment: float) -> Obj:
    """The Job of one time."""
    template = copy.deepcopy(cronjob["spec"]["jobTemplate"])
    metadata = template.get("metadata") or {}
    zone = cron.zone(cronjob["spec"].get("timeZone") or "")
    local = datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(cronjob, moment),
            "namespace": namespace_of(cronjob),
            "labels": metadata.get("labels") or {},
            "annotations": {**(metadata.get("annotations") or {}), SCHEDULED: local},
            "ownerReferences": [owner_reference(cronjob)],
        },
        "spec": template["spec"],
    }


def _rfc1123(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
