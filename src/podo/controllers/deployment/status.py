"""A Deployment's status: counts, and the conditions Available, Progressing and ReplicaFailure."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of, name_of
from podo.controllers import conditions
from podo.controllers.conditions import Condition
from podo.controllers.deployment.rollout import Rollout, count, max_unavailable, wanted
from podo.controllers.replicaset import replicas_of
from podo.values import timestamp

#: A progressDeadlineSeconds of this value means none (upstream's MaxInt32).
NO_DEADLINE = 2**31 - 1
Status = dict[str, Any]


def counts(rollout: Rollout) -> Status:
    """``status`` with its counts and the condition Available; the other conditions as they are."""
    deployment, everything = rollout.deployment, rollout.all
    available = count(everything, "availableReplicas")
    old = deployment.get("status") or {}
    numbers = {
        "replicas": count(everything, "replicas"),
        "updatedReplicas": count([rollout.new], "replicas") if rollout.new is not None else 0,
        "readyReplicas": count(everything, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted(everything) - available),
        "collisionCount": old.get("collisionCount"),
    }
    return {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **{field: number for field, number in numbers.items() if number},
        "terminatingReplicas": count(everything, "terminatingReplicas"),
        "conditions": with_condition(old.get("conditions") or [], _available(deployment, available), rollout.now),
    }


def _available(deployment: Obj, available: int) -> Condition:
    enough = available >= replicas_of(deployment) - max_unavailable(deployment)
    if enough:
        message = "Deployment has minimum availability."
        return condition("Available", "True", "MinimumReplicasAvailable", message)
    message = "Deployment does not have minimum availability."
    return condition("Available", "False", "MinimumReplicasUnavailable", message)


def condition(kind: str, status: str, reason: str, message: str) -> Condition:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def with_condition(present: list[Condition], new: Condition, now: float) -> list[Condition]:
    """As ``conditions.with_condition``, with the lastUpdateTime that Deployments have."""
    changed = conditions.with_condition(present, new, now)
    if changed is present:
        return present
    return [*changed[:-1], {**changed[-1], "lastUpdateTime": timestamp.time(now)}]


def deadline_of(deployment: Obj) -> int | None:
    """progressDeadlineSeconds; None where there is none."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds is None or seconds == NO_DEADLINE else int(seconds)


def of_rollout(rollout: Rollout) -> Status:
    """The whole status while a rollout goes on: counts, then how it progresses, then whether pods cannot be made."""
    deployment, status = rollout.deployment, counts(rollout)
    present: list[Condition] = status["conditions"]
    if deadline_of(deployment) is None:
        present = conditions.without(present, "Progressing")
    elif not _was_complete(status, conditions.find(present, "Progressing")):
        present = _progress(rollout, status, present)
    failure = replica_failure(rollout)
    present = conditions.without(present, "ReplicaFailure")
    if failure is not None:
        present = [*present, kept(deployment, failure, rollout.now)]
    return {**status, "conditions": present}


def kept(deployment: Obj, new: Condition, now: float) -> Condition:
    """``new``, or the Deployment's condition of the type where it says the same."""
    old = condition_of(deployment, new["type"])
    return with_condition([old] if old else [], new, now)[-1]


def _was_complete(status: Status, progressing: Condition | None) -> bool:
    same = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    return same and progressing is not None and progressing.get("reason") == "NewReplicaSetAvailable"


def _progress(rollout: Rollout, status: Status, present: list[Condition]) -> list[Condition]:
    deployment = rollout.deployment
    subject = f'Deployment "{name_of(deployment)}"'
    if rollout.new is not None:
        subject = f'ReplicaSet "{name_of(rollout.new)}"'
    if is_complete(deployment, status):
        text = f"{subject} has successfully progressed."
        new = condition("Progressing", "True", "NewReplicaSetAvailable", text)
    elif _is_progressing(deployment, status):
        new = condition("Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.")
        # Each step forward starts the deadline again, so the condition is set also where it says the same.
        return _renewed(present, new, rollout.now)
    elif _is_late(rollout, conditions.find(present, "Progressing")):
        new = condition("Progressing", "False", "ProgressDeadlineExceeded", f"{subject} has timed out progressing.")
    else:
        return present
    return with_condition(present, new, rollout.now)


def _renewed(present: list[Condition], new: Condition, now: float) -> list[Condition]:
    old = conditions.find(present, new["type"])
    fresh = with_condition([], new, now)[0]
    if old is not None and old.get("status") == new["status"]:
        fresh["lastTransitionTime"] = old["lastTransitionTime"]
    return [*conditions.without(present, new["type"]), fresh]


def is_complete(deployment: Obj, status: Status) -> bool:
    """Are all pods of the present template, available, and none of another left?"""
    replicas = replicas_of(deployment)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(field, 0) == replicas for field in fields) and status.get(
        "observedGeneration", 0
    ) >= deployment["metadata"].get("generation", 0)


def _is_progressing(deployment: Obj, new: Status) -> bool:
    """Are there more new, ready or available pods, or fewer old ones, than the status last said?"""
    old = deployment.get("status") or {}
    if any(
        new.get(field, 0) > old.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    ):
        return True
    old_before = old.get("replicas", 0) - old.get("updatedReplicas", 0)
    return bool(new.get("replicas", 0) - new.get("updatedReplicas", 0) < old_before)


def _is_late(rollout: Rollout, progressing: Condition | None) -> bool:
    left = _seconds_left(rollout, progressing)
    return progressing is not None and (
        progressing["reason"] == "ProgressDeadlineExceeded" or (left is not None and left < 0)
    )


def _seconds_left(rollout: Rollout, progressing: Condition | None) -> float | None:
    """Until the deadline passes without progress; None where nothing is awaited."""
    deadline = deadline_of(rollout.deployment)
    if deadline is None or progressing is None:
        return None
    if progressing.get("reason") in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    return timestamp.parse(progressing["lastUpdateTime"]) + deadline - rollout.now


def look_again_after(rollout: Rollout, status: Status) -> float | None:
    """Seconds after which a rollout that does not move must be called stuck; None where nothing is awaited."""
    if rollout.deployment["spec"].get("paused") or is_complete(rollout.deployment, status):
        return None
    left = _seconds_left(rollout, conditions.find(status["conditions"], "Progressing"))
    return None if left is None else max(0.0, left) + 1


def replica_failure(rollout: Rollout) -> Condition | None:
    """ReplicaFailure of the new ReplicaSet, else of any old one, else None."""
    ordered = [*([rollout.new] if rollout.new is not None else []), *rollout.old]
    for rs in ordered:
        if failure := condition_of(rs, "ReplicaFailure"):
            return condition("ReplicaFailure", failure["status"], failure.get("reason", ""), failure.get("message", ""))
    return None


def paused_condition(deployment: Obj) -> Condition | None:
    """What Progressing must say because the Deployment was just paused or resumed; None where it need not change."""
    if deadline_of(deployment) is None:
        return None
    present = condition_of(deployment, "Progressing")
    reason = (present or {}).get("reason")
    if reason == "ProgressDeadlineExceeded":
        return None
    paused = bool(deployment["spec"].get("paused"))
    if paused and reason != "DeploymentPaused":
        return condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    if not paused and reason == "DeploymentPaused":
        return condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
    return None
