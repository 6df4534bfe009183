"""Why a simulated cluster is not where a test wants it: what pods, workloads and nodes say of themselves, in a few
lines."""

from __future__ import annotations

from collections.abc import Iterable

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of, name_of, namespace_of
from podo.cluster.why import containers
from podo.cluster.why.finding import Picture
from podo.cluster.why.pods import ready_line

#: At most so many lines a kind.
MOST = 8


def explanation(pods: Iterable[Obj], deployments: Iterable[Obj], nodes: Iterable[Obj], events: Iterable[Obj]) -> str:
    """One line a thing that waits or failed; the newest warnings last."""
    sections = (
        _short([f"  Node {name_of(n)}: {ready_line(n)}" for n in nodes if not condition_is_true(n, "Ready")]),
        _short([f"  Deployment {_full(d)}: {_behind(d)}" for d in deployments if _is_behind(d)]),
        _short([f"  Pod {_full(p)}: {state}" for p in pods if (state := pod_state(p))]),
        _short([_warning(event) for event in events if event.get("type") == "Warning"][-MOST:]),
    )
    lines = [line for section in sections for line in section]
    return "\n".join(lines) if lines else "  nothing says that it waits"


def pod_state(pod: Obj) -> str:
    """Why the pod is not ready; "" where it is, or has ended well."""
    status = pod.get("status") or {}
    phase = status.get("phase", "Pending")
    if phase == "Succeeded" or (condition_is_true(pod, "Ready") and phase == "Running"):
        return ""
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled and scheduled.get("status") == "False":
        return f"{phase}, not scheduled: {scheduled.get('message', '')}"
    if not (pod.get("spec") or {}).get("nodeName"):
        return f"{phase}, the scheduler has not looked at it"
    return ", ".join([phase, f"on {pod['spec']['nodeName']}", *containers.lines(pod, Picture({}))])


def _wanted(deployment: Obj) -> int:
    return int((deployment.get("spec") or {}).get("replicas", 1))


def _is_behind(deployment: Obj) -> bool:
    return int((deployment.get("status") or {}).get("availableReplicas", 0)) != _wanted(deployment)


def _behind(deployment: Obj) -> str:
    status = deployment.get("status") or {}
    counts = ", ".join(f"{status.get(name + 'Replicas', 0)} {name}" for name in ("updated", "ready", "available"))
    said = [c.get("message", "") for c in status.get("conditions") or () if c.get("status") != "True" or _failed(c)]
    return "; ".join([f"wants {_wanted(deployment)}, has {counts}", *said])


def _failed(condition: Obj) -> bool:
    return condition.get("type") == "ReplicaFailure"


def _warning(event: Obj) -> str:
    about = event.get("involvedObject") or {}
    return f"  Warning {event.get('reason')} {about.get('kind')} {about.get('name')}: {event.get('message')}"


def _full(obj: Obj) -> str:
    return f"{namespace_of(obj)}/{name_of(obj)}"


def _short(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MOST else [*lines[:MOST], f"  … and {len(lines) - MOST} more"]
