"""The conditions of a pod's status, with upstream's order, reasons and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from podo.api.kind import Obj
from podo.node import podspec
from podo.node.restarting import RESTARTING

Status = dict[str, Any]
#: Those that are there only while there is something to say.
PASSING = ("PodResizePending", "PodResizeInProgress", RESTARTING)


def conditions_of(
    pod: Obj, status: Status, has_sandbox: bool, incomplete: Sequence[str], time: str, passing: Mapping[str, Status]
) -> list[Status]:
    """``status`` holds the new phase and container statuses; ``incomplete`` names the init containers that are still to
    do their work. ``time`` is now, as a metav1.Time. ``passing``: those of ``PASSING`` that there are now, by type. The
    order is the kubelet's; others (readiness gates) follow as they are.
    """
    old = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or ()}
    containers_ready = _containers_ready(pod, status)
    decided: dict[str, Status] = {
        "PodReadyToStartContainers": _condition(has_sandbox),
        "Initialized": _initialized(status, incomplete),
        "Ready": _ready(pod, containers_ready, old),
        "ContainersReady": containers_ready,
        "PodScheduled": _condition(True),
    }
    generation = pod["metadata"].get("generation")
    decided |= passing
    conditions = [_dated(kind, new, old.get(kind), generation, time) for kind, new in decided.items()]
    return conditions + [each for kind, each in old.items() if kind not in decided and kind not in PASSING]


def _condition(true: bool, reason: str = "", message: str = "") -> Status:
    condition: Status = {"status": "True" if true else "False"}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _dated(kind: str, new: Status, old: Status | None, generation: int | None, time: str) -> Status:
    changed = old is None or old.get("status") != new["status"]
    since = time if changed or old is None else old.get("lastTransitionTime") or time
    dated: Status = {"type": kind, "lastTransitionTime": since, **new}
    if generation is not None:
        dated["observedGeneration"] = generation
    return dated


def _names(names: Iterable[str]) -> str:
    return "[" + " ".join(names) + "]"


def _initialized(status: Status, incomplete: Sequence[str]) -> Status:
    if status["phase"] == "Succeeded":
        return _condition(True, "PodCompleted")
    if not incomplete:
        return _condition(True)
    message = f"containers with incomplete status: {_names(incomplete)}"
    return _condition(False, "ContainersNotInitialized", message)


def _containers_ready(pod: Obj, status: Status) -> Status:
    if status["phase"] == "Succeeded":
        return _condition(False, "PodCompleted")
    if status["phase"] == "Failed":
        return _condition(False, "PodFailed")
    sidecars = {container["name"] for container in podspec.sidecars(pod)}
    entries = [entry for entry in status.get("initContainerStatuses") or () if entry["name"] in sidecars]
    entries += status.get("containerStatuses") or []
    unready = [entry["name"] for entry in entries if not entry["ready"]]
    if not unready:
        return _condition(True)
    return _condition(False, "ContainersNotReady", f"containers with unready status: {_names(unready)}")


def _ready(pod: Obj, containers_ready: Status, old: dict[str, Status]) -> Status:
    """Ready is ContainersReady and every readiness gate."""
    if containers_ready["status"] != "True":
        return containers_ready
    problems = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in old:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif old[kind].get("status") != "True":
            problems.append(
                f'the status of pod readiness gate "{kind}" is not "True", but {old[kind].get("status", "Unknown")}'
            )
    if problems:
        return _condition(False, "ReadinessGatesNotReady", ", ".join(problems))
    return _condition(True)
