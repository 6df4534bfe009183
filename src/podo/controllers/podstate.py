"""What a pod's status says to the controllers: is it active, ready, and since long enough to be available?"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import condition_of, is_deleting, uid_of
from podo.api.parts.container import is_sidecar
from podo.reconcile.actions import Patch
from podo.values import timestamp

FINISHED = frozenset({"Succeeded", "Failed"})


def phase_of(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def is_finished(pod: Obj) -> bool:
    """All its containers have ended and will not run again."""
    return phase_of(pod) in FINISHED


def is_active(pod: Obj) -> bool:
    """Neither finished nor on its way out: it counts as a replica."""
    return not is_finished(pod) and not is_deleting(pod)


def is_terminating(pod: Obj) -> bool:
    """On its way out, its containers not known to have ended."""
    return not is_finished(pod) and is_deleting(pod)


def is_ready(pod: Obj) -> bool:
    condition = condition_of(pod, "Ready")
    return condition is not None and condition.get("status") == "True"


def ready_since(pod: Obj) -> float | None:
    """When the pod became ready (seconds); None where it is not ready or does not say since when."""
    condition = condition_of(pod, "Ready")
    if condition is None or condition.get("status") != "True" or not condition.get("lastTransitionTime"):
        return None
    return timestamp.parse(condition["lastTransitionTime"])


def seconds_until_available(pod: Obj, min_ready_seconds: int, now: float) -> float | None:
    """0 for an available pod, the wait for one that is not ready long enough, None for one that is not ready."""
    if not is_ready(pod):
        return None
    if not min_ready_seconds:
        return 0.0
    since = ready_since(pod)
    return None if since is None else max(0.0, since + min_ready_seconds - now)


def finished_at(pod: Obj, now: float) -> float:
    """When the pod ended (seconds): when its last container did, when it became unready, or when it was deleted."""
    status = pod.get("status") or {}
    statuses = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    ends = [((each.get("state") or {}).get("terminated") or {}).get("finishedAt") for each in statuses]
    if ends and all(ends):
        return max(timestamp.parse(end) for end in ends if end)
    ready = condition_of(pod, "Ready")
    if ready is not None and ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return timestamp.parse(ready["lastTransitionTime"])
    metadata = pod["metadata"]
    if text := metadata.get("deletionTimestamp"):
        return timestamp.parse(text) - int(metadata.get("deletionGracePeriodSeconds") or 0)
    return timestamp.parse(metadata["creationTimestamp"]) if metadata.get("creationTimestamp") else now


def restarts_of(pod: Obj) -> tuple[int, int]:
    """The most restarts of any container of the pod, and of any of its sidecars."""
    status = pod.get("status") or {}
    sidecars = {each["name"] for each in pod["spec"].get("initContainers") or () if is_sidecar(each)}
    regular = (int(each.get("restartCount") or 0) for each in status.get("containerStatuses") or ())
    initial = (each for each in status.get("initContainerStatuses") or () if each.get("name") in sidecars)
    return max(regular, default=0), max((int(each.get("restartCount") or 0) for each in initial), default=0)


def disrupted(pod: Obj, reason: str, message: str, now: float, phase: str = "") -> Patch:
    """Notes in the pod's status that it is about to be deleted for no fault of its own (the condition
    DisruptionTarget).
    """
    stamp = timestamp.time(now)
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    status = {"conditions": [{**condition, "lastTransitionTime": stamp}], **({"phase": phase} if phase else {})}
    return Patch(pod, {"metadata": {"uid": uid_of(pod)}, "status": status}, "strategic", subresource="status")
