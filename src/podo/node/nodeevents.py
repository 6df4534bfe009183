"""What a node tells of itself by Events: that it started, has room, is ready, takes pods, or was rebooted. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj

Told = tuple[str, str, str]  # reason, message, type
#: Condition type -> the reason of the Event when it is True now, and when it is not.
REASONS = {
    "MemoryPressure": ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    "DiskPressure": ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    "PIDPressure": ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
    "Ready": ("NodeReady", "NodeNotReady"),
}
STARTING: Told = ("Starting", "Starting kubelet.", "Normal")


def changes_of(name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Told]:
    """Between two statuses of the node; ``before`` is empty when it starts."""
    had = {each["type"]: each["status"] for each in before.get("conditions") or ()}
    for each in after["conditions"]:
        kind, status = each["type"], each["status"]
        if had.get(kind) != status and (kind != "Ready" or kind in had):
            yield _now(name, REASONS[kind][status != "True"])
    boot, last = (each.get("nodeInfo", {}).get("bootID") for each in (after, before))
    if boot and last and boot != last:
        yield "Rebooted", f"Node {name} has been rebooted, boot id: {boot}", "Warning"


def turns_of(name: str, before: Obj, after: Obj) -> Iterator[Told]:
    """Between two versions of the Node: whether it takes new pods."""
    closed, was_closed = (bool((each.get("spec") or {}).get("unschedulable")) for each in (after, before))
    if closed != was_closed:
        yield _now(name, "NodeNotSchedulable" if closed else "NodeSchedulable")


def _now(name: str, reason: str) -> Told:
    return reason, f"Node {name} status is now: {reason}", "Normal"
