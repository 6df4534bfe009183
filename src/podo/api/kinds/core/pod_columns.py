"""The columns of ``kubectl get pods``: what STATUS, READY and RESTARTS say of a pod's containers."""

from __future__ import annotations

from typing import Any, NamedTuple

from podo.api.columns import AGE, NAME, column, since, wide
from podo.api.kind import Column, Obj
from podo.api.meta import condition_is_true
from podo.api.parts.container import is_sidecar


class Summary(NamedTuple):
    """What a pod's row says: STATUS, both numbers of READY, RESTARTS and the time of the last restart, if any."""

    status: str
    ready: int
    total: int
    restarts: int
    last_restart: str


class _Init(NamedTuple):
    """What the init containers say: the status while they run or have failed ("" when done), and their numbers."""

    status: str
    ready: int
    restarts: int
    last_restart: str
    sidecar_restarts: int
    sidecar_last_restart: str


def summary(pod: Obj) -> Summary:
    """The row of a pod. ``kubectl get pods`` shows exactly this."""
    spec, status = pod["spec"], pod.get("status") or {}
    sidecars = {c.get("name") for c in spec.get("initContainers") or () if is_sidecar(c)}
    total = len(spec.get("containers") or ()) + len(sidecars)
    init = _init(spec, status, sidecars)
    text = _phase(status)
    if init.status:
        text = init.status
    ready, restarts, last_restart = init.ready, init.restarts, init.last_restart
    if not init.status or condition_is_true(pod, "Initialized"):
        restarts, last_restart, has_running = init.sidecar_restarts, init.sidecar_last_restart, False
        for container in reversed(status.get("containerStatuses") or ()):
            restarts += container.get("restartCount", 0)
            last_restart = max(last_restart, _last_finish(container))
            state = container.get("state") or {}
            if reason := _reason(state):
                text = reason
            elif container.get("ready") and "running" in state:
                has_running = True
                ready += 1
        if text == "Completed" and has_running:
            text = "Running" if condition_is_true(pod, "Ready") else "NotReady"
    return Summary(_deleted(pod, text), ready, total, restarts, last_restart)


def _phase(status: dict[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "")


def _deleted(pod: Obj, text: str) -> str:
    if "deletionTimestamp" not in pod["metadata"]:
        return text
    status = pod.get("status") or {}
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return text if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _init(spec: dict[str, Any], status: dict[str, Any], sidecars: set[Any]) -> _Init:
    text, ready, restarts, last, sidecar_restarts, sidecar_last = "", 0, 0, "", 0, ""
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        restarts += container.get("restartCount", 0)
        last = max(last, _last_finish(container))
        is_restartable = container.get("name") in sidecars
        if is_restartable:
            sidecar_restarts += container.get("restartCount", 0)
            sidecar_last = max(sidecar_last, _last_finish(container))
        state = container.get("state") or {}
        if "terminated" in state and state["terminated"].get("exitCode", 0) == 0:
            continue
        if is_restartable and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        text = _init_status(state, index, len(spec.get("initContainers") or ()))
        break
    return _Init(text, ready, restarts, last, sidecar_restarts, sidecar_last)


def _init_status(state: dict[str, Any], done: int, total: int) -> str:
    waiting = (state.get("waiting") or {}).get("reason")
    if "terminated" in state or (waiting and waiting != "PodInitializing"):
        return f"Init:{_reason(state)}"
    return f"Init:{done}/{total}"


def _reason(state: dict[str, Any]) -> str:
    """Why a container waits or ended, or "" when it does neither."""
    if waiting := (state.get("waiting") or {}).get("reason"):
        return str(waiting)
    ended = state.get("terminated")
    if ended is None:
        return ""
    if reason := ended.get("reason"):
        return str(reason)
    if signal := ended.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def _last_finish(container: dict[str, Any]) -> str:
    """When the run before the present one ended; timestamps of one form sort as text."""
    ended = (container.get("lastState") or {}).get("terminated") or {}
    return ended.get("finishedAt") or ""


_ENDS = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


def row_conditions(pod: Obj) -> list[Obj]:
    """That a pod has run to its end, and how."""
    phase = (pod.get("status") or {}).get("phase") or ""
    if phase not in _ENDS:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _ENDS[phase]}]


def _ready(pod: Obj) -> str:
    found = summary(pod)
    return f"{found.ready}/{found.total}"


def _restarts(pod: Obj, now: float) -> str:
    found = summary(pod)
    if found.restarts and found.last_restart:
        return f"{found.restarts} ({since(found.last_restart, now)} ago)"
    return str(found.restarts)


def _ip(pod: Obj) -> str:
    status = pod.get("status") or {}
    addresses = status.get("podIPs") or ({"ip": status.get("podIP")},)
    return addresses[0].get("ip") or "<none>"


def _gates(pod: Obj) -> str:
    gates = pod["spec"].get("readinessGates") or ()
    if not gates:
        return "<none>"
    passed = sum(condition_is_true(pod, gate.get("conditionType", "")) for gate in gates)
    return f"{passed}/{len(gates)}"


COLUMNS: tuple[Column, ...] = (
    NAME,
    column("Ready", _ready),
    column("Status", lambda pod: summary(pod).status),
    Column("Restarts", _restarts),
    AGE,
    wide("IP", _ip),
    wide("Node", lambda pod: pod["spec"].get("nodeName") or "<none>"),
    wide("Nominated Node", lambda pod: (pod.get("status") or {}).get("nominatedNodeName") or "<none>"),
    wide("Readiness Gates", _gates),
)
