"""A pod's status, computed whole from what the runtime has and what was decided; and the patch that brings the API
there. Pure.
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.container import is_sidecar
from podo.node import podspec, resizing, restarting
from podo.node.conditions import conditions_of
from podo.node.instructions import Plan
from podo.node.lifecycle import has_begun, is_started
from podo.node.memory import PodMemory
from podo.node.observed import Seen, is_dead
from podo.node.runtimes.contract import Container
from podo.values import timestamp

Status = dict[str, Any]
#: containerID's scheme, as the Node's containerRuntimeVersion.
RUNTIME_NAME = "containerd"


def status_of(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float, host_ip: str) -> Status:
    """The status to report. Fields that others own (nominatedNodeName, resize ...) are not in it."""
    old = pod.get("status") or {}
    status: Status = {"startTime": old.get("startTime") or timestamp.time(memory.first_seen)}
    if generation := pod["metadata"].get("generation"):
        status["observedGeneration"] = generation
    if plan.ending and memory.rejection:
        return {**status, "phase": "Failed", "reason": plan.ending.reason, "message": plan.ending.message}
    sandbox = seen.sandbox
    status |= {"hostIP": host_ip, "hostIPs": [{"ip": host_ip}]}
    ips = [host_ip] if sandbox and podspec.is_host_network(pod) else list(sandbox.ips if sandbox else ())
    if ips:
        status |= {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}
    for key, group in (
        ("initContainerStatuses", podspec.init_containers(pod)),
        ("containerStatuses", podspec.containers(pod)),
        ("ephemeralContainerStatuses", podspec.ephemeral_containers(pod)),
    ):
        if group:
            status[key] = [_container_status(pod, container, seen, memory, plan) for container in group]
    incomplete = _incomplete(pod, seen, status)
    status["phase"] = _phase(pod, seen, status, plan, not incomplete)
    if plan.ending and plan.ending.reason and status["phase"] in podspec.TERMINAL_PHASES:
        status |= {"reason": plan.ending.reason, "message": plan.ending.message}
    passing = {} if plan.ending else resizing.conditions(pod, seen, memory) | restarting.condition(pod, seen)
    status["conditions"] = conditions_of(pod, status, sandbox is not None, incomplete, timestamp.time(now), passing)
    return status


def _incomplete(pod: Obj, seen: Seen, status: Status) -> list[str]:
    """The init containers that are still to end well, or, where they keep running, to start."""
    sandbox = seen.sandboxes[0] if seen.sandboxes else None
    if has_begun(pod, seen, sandbox) or podspec.phase_of(pod) == "Succeeded":
        return []
    sidecars = {container["name"] for container in podspec.sidecars(pod)}
    entries = status.get("initContainerStatuses") or ()
    return [each["name"] for each in entries if not each["started" if each["name"] in sidecars else "ready"]]


# Containers


def _container_status(pod: Obj, container: Obj, seen: Seen, memory: PodMemory, plan: Plan) -> Status:
    name = container["name"]
    old = podspec.reported(pod, name) or {}
    last = seen.newest(name)
    started = is_started(container, last, memory)
    status: Status = {
        "name": name,
        "state": _state(pod, container, last, plan, old),
        "lastState": _last_state(last, seen, plan, old, name),
        "ready": _is_ready(pod, container, last, started, memory),
        "restartCount": last.attempt if last else int(old.get("restartCount") or 0),
        "image": (last.image if last and last.image else "") or container.get("image", ""),
        "imageID": last.image_id if last else old.get("imageID", ""),
        "started": started,
    }
    if last:
        status["containerID"] = f"{RUNTIME_NAME}://{last.id}"
    elif old.get("containerID"):
        status["containerID"] = old["containerID"]
    _add_resources(container, last, memory, status)
    return status


def _add_resources(container: Obj, last: Container | None, memory: PodMemory, status: Status) -> None:
    """What a running container was granted and given, and how its volumes are mounted."""
    if mounts := container.get("volumeMounts"):
        status["volumeMounts"] = [_mount_status(mount) for mount in mounts]
    granted = resizing.amounts(container.get("resources"))
    if last and last.state == "running" and granted:
        if requests := granted.get("requests"):
            status["allocatedResources"] = requests
        status["resources"] = memory.applied.get(last.id, granted)


def _mount_status(mount: Obj) -> Status:
    status: Status = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        status |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return status


def _terminated(container: Container) -> Status:
    state: Status = {
        "exitCode": container.exit_code,
        "reason": container.reason or ("Completed" if container.exit_code == 0 else "Error"),
        "startedAt": timestamp.time(container.started_at),
        "finishedAt": timestamp.time(container.finished_at),
        "containerID": f"{RUNTIME_NAME}://{container.id}",
    }
    if container.message:
        state["message"] = container.message
    return {"terminated": state}


def _state(pod: Obj, container: Obj, last: Container | None, plan: Plan, old: Status) -> Status:
    if last is not None and last.state == "running":
        return {"running": {"startedAt": timestamp.time(last.started_at)}}
    if waiting := plan.waiting.get(container["name"]):
        state = {"reason": waiting.reason}
        if waiting.message:
            state["message"] = waiting.message
        return {"waiting": state}
    if last is not None and is_dead(last):
        return _terminated(last)
    if "terminated" in (old.get("state") or {}):
        return dict(old["state"])  # the runtime has forgotten it; the API has not
    if plan.ending:
        return {"terminated": _never_seen(old)}
    creating = "PodInitializing" if podspec.init_containers(pod) else "ContainerCreating"
    return {"waiting": {"reason": creating}}


def _never_seen(old: Status) -> Status:
    """The end of a container of an ended pod that the runtime knows nothing about."""
    state: Status = {"exitCode": 137, "reason": "ContainerStatusUnknown"}
    state["message"] = "The container could not be located when the pod was terminated"
    if old.get("containerID"):
        state["containerID"] = old["containerID"]
    return state


def _last_state(last: Container | None, seen: Seen, plan: Plan, old: Status, name: str) -> Status:
    """How the attempt before the one in ``state`` ended."""
    if last is None:
        return dict(old.get("lastState") or {})
    if is_dead(last) and name in plan.waiting:
        return _terminated(last)
    if before := seen.before(last):
        return _terminated(before)
    if last.attempt == 0:
        return {}
    was = (old.get("state") or {}).get("terminated") if _is_about(old, last) is False else None
    return {"terminated": was} if was else dict(old.get("lastState") or {})


def _is_about(old: Status, container: Container) -> bool:
    return str(old.get("containerID", "")).endswith(container.id)


def _is_ready(pod: Obj, container: Obj, last: Container | None, started: bool, memory: PodMemory) -> bool:
    """Containers are ready by their readiness probe; plain init containers when they have ended well."""
    if last is None:
        return False
    is_init = any(container is other for other in podspec.init_containers(pod))
    if is_init and not is_sidecar(container):
        return is_dead(last) and last.exit_code == 0
    if not started or any(container is other for other in podspec.ephemeral_containers(pod)):
        return False
    return not container.get("readinessProbe") or memory.passing(last.id, "readiness") is True


# Phase


def _phase(pod: Obj, seen: Seen, status: Status, plan: Plan, initialized: bool) -> str:
    """A terminal phase is final, and is reported only when no container runs any more."""
    old = podspec.phase_of(pod)
    if podspec.is_terminal(pod):
        return old
    phase = _unguarded_phase(status, plan, initialized)
    if phase in podspec.TERMINAL_PHASES and seen.alive:
        return old if old == "Running" else ("Running" if initialized else "Pending")
    return phase


def _unguarded_phase(status: Status, plan: Plan, initialized: bool) -> str:
    states = [entry["state"] for entry in status.get("containerStatuses") or ()]
    ended = [state["terminated"] for state in states if "terminated" in state]
    all_well = len(ended) == len(states) and all(state["exitCode"] == 0 for state in ended)
    if plan.ending:
        if plan.ending.reason or not all_well:
            return "Failed"
        return "Succeeded"
    return "Running" if initialized and not _never_ran(status) else "Pending"


def _never_ran(status: Status) -> bool:
    """Does a container wait that has not run yet?"""
    return any(
        "waiting" in entry["state"] and "terminated" not in (entry.get("lastState") or {})
        for entry in status.get("containerStatuses") or ()
    )


# The patch


def difference(old: Status, new: Status, uid: str) -> Obj | None:
    """The strategic merge patch for ``/status`` that changes what differs, or None. The uid is its precondition."""
    changes: Status = {key: value for key, value in new.items() if old.get(key) != value}
    if not changes:
        return None
    for key in ("podIPs", "hostIPs"):  # merged by ip otherwise: a lost address would stay
        if key in changes and old.get(key):
            changes[key] = [{"$patch": "replace"}, *changes[key]]
    if "conditions" in changes:
        known = {condition["type"]: condition for condition in old.get("conditions") or ()}
        changes["conditions"] = [
            # null takes away what the condition no longer has: a reason
            {**dict.fromkeys(known.get(c["type"], ())), **c}
            for c in new["conditions"]
            if known.get(c["type"]) != c
        ]
        kept = {c["type"] for c in new["conditions"]}
        changes["conditions"] += [{"$patch": "delete", "type": kind} for kind in known if kind not in kept]
    return {"metadata": {"uid": uid}, "status": changes}
