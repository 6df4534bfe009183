"""Has a Job ended, and how? The conditions that say so, each with upstream's reason and message."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of
from podo.api.parts.indexes import IndexesError, parse
from podo.controllers.job.failurepolicy import judge
from podo.controllers.job.tally import Tally, completions_of, has_failed, is_indexed
from podo.controllers.podstate import phase_of
from podo.values import timestamp

Condition = dict[str, Any]
#: The condition said first, while pods are still ending -> the one that ends the Job.
FINAL = {"FailureTarget": "Failed", "SuccessCriteriaMet": "Complete"}


def condition(kind: str, reason: str, message: str, now: float, status: str = "True") -> Condition:
    stamp = timestamp.time(now)
    times = {"lastProbeTime": stamp, "lastTransitionTime": stamp}
    return {"type": kind, "status": status, **times, "reason": reason, "message": message}


def is_finished(job: Obj) -> bool:
    return condition_is_true(job, "Complete") or condition_is_true(job, "Failed")


def finished_at(job: Obj) -> float | None:
    """When the Job ended (seconds); None where it has not."""
    for kind in ("Complete", "Failed"):
        if condition_is_true(job, kind):
            said = condition_of(job, kind) or {}
            return timestamp.parse(said["lastTransitionTime"]) if said.get("lastTransitionTime") else None
    return None


def verdict(tally: Tally, started_at: float | None) -> Condition | None:
    """SuccessCriteriaMet or FailureTarget: said before, or true now; None where the Job goes on."""
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        if condition_is_true(tally.job, kind):
            return condition_of(tally.job, kind)
    reason, message = _failure(tally, started_at)
    if reason:
        return condition("FailureTarget", reason, message, tally.now)
    if message := _success_by_policy(tally):
        return condition("SuccessCriteriaMet", "SuccessPolicy", message, tally.now)
    return None


def completed(tally: Tally) -> Condition:
    message = "Reached expected number of succeeded pods"
    return condition("SuccessCriteriaMet", "CompletionsReached", message, tally.now)


def _failure(tally: Tally, started_at: float | None) -> tuple[str, str]:
    job, spec = tally.job, tally.job["spec"]
    for pod in tally.pods:
        judgement = judge(job, pod) if has_failed(job, pod) else None
        if judgement is not None and judgement.action == "FailJob":
            return "PodFailurePolicy", judgement.message
    limit = spec.get("backoffLimit", 6)
    if tally.failed > limit or _restarted_too_often(tally, limit):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and started_at is not None and tally.now - started_at >= deadline:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    return _index_failure(tally) if is_indexed(job) and spec.get("backoffLimitPerIndex") is not None else ("", "")


def _index_failure(tally: Tally) -> tuple[str, str]:
    lost, most = len(tally.failed_indexes), tally.job["spec"].get("maxFailedIndexes")
    if most is not None and lost > most:
        return "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
    if lost and lost + len(tally.succeeded_indexes) >= completions_of(tally.job):
        return "FailedIndexes", "Job has failed indexes"
    return "", ""


def _restarted_too_often(tally: Tally, limit: int) -> bool:
    """With restartPolicy OnFailure containers fail without their pod: their restarts count instead."""
    if (tally.job["spec"]["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in tally.pods:
        if phase_of(pod) in ("Running", "Pending"):
            status = pod.get("status") or {}
            for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
                restarts += int(each.get("restartCount") or 0)
    return restarts > 0 if limit == 0 else restarts >= limit


def _success_by_policy(tally: Tally) -> str:
    rules = (tally.job["spec"].get("successPolicy") or {}).get("rules") or ()
    for number, rule in enumerate(rules if is_indexed(tally.job) else ()):
        text, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        try:
            wanted = None if text is None else parse(text, max(1, completions_of(tally.job)))
        except IndexesError:
            continue  # completions were made fewer since
        done = tally.succeeded_indexes if wanted is None else tally.succeeded_indexes & wanted
        needed = count if count is not None else len(wanted or ())
        if needed and len(done) >= needed:
            return f"Matched rules at index {number}"
    return ""
