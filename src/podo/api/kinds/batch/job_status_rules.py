"""What the status of a Job may say, and what of it a change may not take back: others than the Job controller write it,
too (API reference: JobStatus; KEP-4368, "Support managed-by label in Jobs").

Most is asked only when it changes, so that a status from before a rule was there can still be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from podo.api.kind import Obj, Problem
from podo.api.parts.indexes import IndexesError, parse
from podo.api.rules import Found, check_not_negative, duplicate, invalid, required, wrong
from podo.values.timestamp import parse as seconds_of

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_TERMINAL = ("Failed", "Complete", "FailureTarget")
_MET = "SuccessCriteriaMet"
Status = dict[str, Any]


def status_problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Job's status."""
    found: Found = []
    spec, status, before = new.get("spec") or {}, new.get("status") or {}, (old or {}).get("status") or {}
    for field in _COUNTS:
        check_not_negative(f"status.{field}", status.get(field), found)
    _check_uncounted(status.get("uncountedTerminatedPods") or {}, found)
    has, had = _conditions(status), _conditions(before)
    found.extend(_of_conditions(has, had))
    found.extend(_of_times(status, before, has, had))
    found.extend(_of_pods(status, before, has, had))
    found.extend(_of_indexes(spec, status, before))
    if _MET in has:
        for other in {"Failed", "FailureTarget"} & has:
            shown = "Failed=true" if other == "Failed" else "FailureTarget=true"
            found.append(_conflict(f"cannot set SuccessCriteriaMet=True and {shown} conditions"))
    found.extend(_of_changes(spec, status, before, has, had))
    return found


def _conditions(status: Status) -> set[str]:
    return {one.get("type") or "" for one in status.get("conditions") or () if one.get("status") == "True"}


def _conflict(why: str) -> Problem:
    return wrong("status.conditions", why)


def _check_uncounted(uncounted: dict[str, Any], found: Found) -> None:
    seen = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(uncounted.get(field) or ()):
            path = f"status.uncountedTerminatedPods.{field}[{index}]"
            if not uid:
                found.append(invalid(path, uid, "must not be empty"))
            elif uid in seen:
                found.append(duplicate(path, uid))
            seen.add(uid)


def _of_conditions(has: set[str], had: set[str]) -> Iterator[Problem]:
    changed = has ^ had
    if "Complete" in has:
        for other, shown in (("Failed", "Failed=true"), ("FailureTarget", "FailureTarget=true")):
            if other in has and {"Complete", other} & changed:
                yield _conflict(f"cannot set Complete=True and {shown} conditions")
        if _MET not in has and {"Complete", _MET} & changed:
            yield _conflict("cannot set Complete=True condition without the SuccessCriteriaMet=true condition")
    if "Failed" in has and "FailureTarget" not in has and {"Failed", "FailureTarget"} & changed:
        yield _conflict("cannot set Failed=True condition without the FailureTarget=true condition")


def _of_times(status: Status, before: Status, has: set[str], had: set[str]) -> Iterator[Problem]:
    start, end = status.get("startTime"), status.get("completionTime")
    path = "status.completionTime"
    if "Complete" in has ^ had or end != before.get("completionTime"):
        if end and "Complete" not in has:
            yield invalid(path, end, "cannot set completionTime when there is no Complete=True condition")
        if not end and "Complete" in has:
            yield required(path, "completionTime is required for Complete jobs")
    if start and end and _is_before(end, start) and (start, end) != _times(before):
        yield invalid(path, end, "completionTime cannot be set before startTime")
    if not start and _is_finished(has) and (_is_finished(has) != _is_finished(had) or start != before.get("startTime")):
        yield required("status.startTime", "startTime is required for finished job")


def _times(status: Status) -> tuple[Any, Any]:
    return status.get("startTime"), status.get("completionTime")


def _is_before(one: str, other: str) -> bool:
    try:
        return seconds_of(one) < seconds_of(other)
    except ValueError:
        return False


def _is_finished(conditions: Iterable[str]) -> bool:
    return not {"Complete", "Failed"}.isdisjoint(conditions)


def _of_pods(status: Status, before: Status, has: set[str], had: set[str]) -> Iterator[Problem]:
    """A finished Job has no pods that run, end, or wait to be counted."""
    finished = _is_finished(has)
    newly = finished != _is_finished(had)
    for field in ("active", "terminating"):
        count = status.get(field) or 0
        if finished and count > 0 and (newly or count != before.get(field)):
            yield invalid(f"status.{field}", count, f"{field}>0 is invalid for finished job")
    uncounted = status.get("uncountedTerminatedPods")
    if finished and any((uncounted or {}).values()) and (newly or uncounted != before.get("uncountedTerminatedPods")):
        why = "uncountedTerminatedPods needs to be empty for finished job"
        yield invalid("status.uncountedTerminatedPods", uncounted, why)
    active, ready = status.get("active") or 0, status.get("ready") or 0
    if ready > active and (active, ready) != (before.get("active") or 0, before.get("ready") or 0):
        yield invalid("status.ready", ready, "cannot set more ready pods than active")


def _of_indexes(spec: Status, status: Status, before: Status) -> Iterator[Problem]:
    completions = spec.get("completions")
    done, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    if done == (before.get("completedIndexes") or "") and failed == before.get("failedIndexes"):
        return
    listed: dict[str, set[int]] = {}
    for field, text in (("completedIndexes", done), ("failedIndexes", failed or "")):
        try:
            listed[field] = parse(text, completions or 0) if completions is not None else set()
        except IndexesError as problem:
            yield invalid(f"status.{field}", text, f"error parsing {field}: {problem}")
    if done and spec.get("completionMode") != "Indexed":
        why = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield invalid("status.completedIndexes", done, why)
    if failed is not None and spec.get("backoffLimitPerIndex") is None:
        why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield invalid("status.failedIndexes", failed, why)
    if len(listed) == 2 and (both := listed["completedIndexes"] & listed["failedIndexes"]):
        why = f"failedIndexes and completedIndexes overlap at index: {min(both)}"
        yield invalid("status.failedIndexes", failed, why)


def _of_changes(spec: Status, status: Status, before: Status, has: set[str], had: set[str]) -> Iterator[Problem]:
    """What is once so stays so."""
    for kind in _TERMINAL:
        if kind in had - has:
            yield _conflict(f"cannot disable the terminal {kind}=True condition")
    fixed = ("failed",) if spec.get("completions") == spec.get("parallelism") else ("failed", "succeeded")
    for field in fixed:
        if (count := status.get(field) or 0) < (before.get(field) or 0):
            yield invalid(f"status.{field}", count, f"cannot decrease the {field} counter")
    end, ended = status.get("completionTime"), before.get("completionTime")
    if end and ended and end != ended:
        yield invalid("status.completionTime", end, "completionTime cannot be mutated")
    started = before.get("startTime")
    if started and status.get("startTime") != started and not spec.get("suspend"):
        yield required("status.startTime", "startTime cannot be removed for unsuspended job")
    if _MET in had - has:
        yield _conflict("cannot disable the SuccessCriteriaMet=True condition")
    if "Complete" in had and _MET in has - had:
        yield _conflict("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
