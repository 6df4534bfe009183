"""What the scheduler writes about pods: Events, and the conditions of those that it could not place and of those that
had to go."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of
from podo.client.events import Recorder
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import DEFAULT_NAME
from podo.values import timestamp

#: The reasons of the condition PodScheduled of a pod that no node takes, and of one that something went wrong with.
UNSCHEDULABLE, FAILED = "Unschedulable", "SchedulerError"
#: The reason of the condition DisruptionTarget of a pod that had to go for a more important one.
EVICTED = "PreemptionByScheduler"


def scheduler_of(pod: PodInfo) -> str:
    """The name that the pod gives of its scheduler."""
    return str(pod.obj["spec"].get("schedulerName") or DEFAULT_NAME)


def not_served(scheduler: str) -> str:
    """What is said of a pod that waits for a scheduler of this name in vain."""
    return f'no scheduler of this cluster serves the schedulerName "{scheduler}"'


class Teller:
    """Events about pods, as from the scheduler that they name."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def placed(self, pod: PodInfo, node_name: str) -> None:
        self._tell(pod, "Scheduled", f"Successfully assigned {pod.key} to {node_name}", "Normal")

    def failed(self, pod: PodInfo, text: str) -> None:
        self._tell(pod, "FailedScheduling", text, "Warning")

    def _tell(self, pod: PodInfo, reason: str, text: str, kind: str) -> None:
        self._recorder.tell(pod.obj, reason, text, kind, component=scheduler_of(pod))


def refusal_patch(pod: Obj, uid: str, reason: str, message: str, nominated: str, now: float) -> dict[str, Any] | None:
    """The strategic merge patch of the status of a pod that has no node; None where it says all that already.
    ``nominated``: the node that is being cleared for it, "" for none."""
    status: dict[str, Any] = {}
    if (condition := _not_scheduled(pod, reason, message, now)) is not None:
        status["conditions"] = [condition]
    if ((pod.get("status") or {}).get("nominatedNodeName") or "") != nominated:
        status["nominatedNodeName"] = nominated or None
    return {"metadata": {"uid": uid}, "status": status} if status else None


def _not_scheduled(pod: Obj, reason: str, message: str, now: float) -> dict[str, Any] | None:
    """The condition PodScheduled=False of a pod; None where it says so already."""
    old = condition_of(pod, "PodScheduled")
    new = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    if old is not None and new.items() <= old.items():
        return None
    since = old.get("lastTransitionTime") if old is not None and old.get("status") == "False" else None
    generation = pod["metadata"].get("generation")
    return {
        **new,
        **({"observedGeneration": generation} if generation else {}),
        "lastProbeTime": None,
        "lastTransitionTime": since or timestamp.time(now),
    }


def disruption_patch(uid: str, generation: int, scheduler: str, now: float) -> dict[str, Any]:
    """The patch that says of a pod that it has to go for a more important one."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": EVICTED,
        "message": f"{scheduler}: preempting to accommodate a higher priority pod",
        **({"observedGeneration": generation} if generation else {}),
        "lastProbeTime": None,
        "lastTransitionTime": timestamp.time(now),
    }
    return {"metadata": {"uid": uid}, "status": {"conditions": [condition]}}
