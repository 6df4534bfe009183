"""In-place resizes on a node: what its containers are granted of what a pod's spec asks for, which of them run with
something else, and what the conditions PodResizePending and PodResizeInProgress say. Pure.

Source: KEP-1287; "Resize CPU and Memory Resources assigned to Containers" of the documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_is_true
from podo.api.parts.resize_rules import RESIZABLE, resizable
from podo.api.parts.resources import requests_of
from podo.node import podspec
from podo.node.admitting import amounts_of, lacks
from podo.node.machine import Capacity
from podo.node.memory import PodMemory, Waiting
from podo.node.observed import Seen
from podo.node.runtimes.contract import Container
from podo.values import quantity

PARTS = ("limits", "requests")
PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
#: A resize for which there was no room is looked at again so often, in seconds, and when a pod of the node ends.
AGAIN_SECONDS = 30.0
#: What containers may use (a ResourceRequirements), by name.
Amounts = dict[str, Obj]


def amounts(resources: Obj | None) -> Obj:
    """The requests and limits of a ResourceRequirements: what can change."""
    return {part: resources[part] for part in PARTS if resources.get(part)} if resources else {}


def wanted(pod: Obj) -> Amounts:
    """What the spec asks for, of the containers that can be resized."""
    return {container["name"]: amounts(container.get("resources")) for _, _, container in resizable(pod["spec"])}


def first_granted(pod: Obj) -> Amounts:
    """What the pod was granted when this agent first sees it: where a resize is under way what its status says runs."""
    if not (condition_is_true(pod, PENDING) or condition_is_true(pod, IN_PROGRESS)):
        return wanted(pod)
    return {name: (podspec.reported(pod, name) or {}).get("resources", amount) for name, amount in wanted(pod).items()}


def with_granted(pod: Obj, granted: Amounts) -> Obj:
    """The pod as it would be had its spec asked for what was granted."""
    if wanted(pod) == granted:
        return pod
    spec = dict(pod["spec"])
    for field, index, container in resizable(pod["spec"]):
        if spec[field] is pod["spec"][field]:
            spec[field] = list(spec[field])
        resources = {**(container.get("resources") or {}), **granted.get(container["name"], {})}
        spec[field][index] = {**container, "resources": resources}
    return {**pod, "spec": spec}


def requests_by_spec(pod: Obj) -> dict[str, int]:
    """What a pod takes of the node by its spec alone, whatever its status says."""
    return requests_of({"metadata": {}, "spec": pod["spec"]})


def judge(requests: Mapping[str, int], others: Iterable[Mapping[str, int]], capacity: Capacity) -> Waiting | None:
    """Why a resized pod cannot have what it asks for: never on this node, or not now. None if it can."""
    whole = amounts_of(capacity)
    for name in RESIZABLE:
        asked = requests.get(name, 0)
        if asked > whole[name]:
            text = f"Node didn't have enough capacity: {name}, requested: {asked}, capacity: {whole[name]}"
            return Waiting("Infeasible", text)
    if lacking := lacks(requests, others, capacity):
        return Waiting("Deferred", lacking.message)
    return None


def outdated(pod: Obj, seen: Seen, memory: PodMemory) -> list[tuple[Container, Obj]]:
    """The running containers that have something else than they were granted, each with its spec."""
    found = []
    for _, _, spec in resizable(pod["spec"]):
        last = seen.newest(spec["name"])
        if last is None or last.state != "running":
            continue
        granted = amounts(spec.get("resources"))
        if memory.applied.get(last.id, granted) != granted:
            found.append((last, spec))
    return found


def needs_restart(spec: Obj, before: Obj) -> bool:
    """Does the container's resizePolicy ask for a restart when what has changed since ``before`` changes?"""
    after = spec.get("resources") or {}
    policies = {each["resourceName"]: each["restartPolicy"] for each in spec.get("resizePolicy") or ()}
    return any(
        policies.get(name) == "RestartContainer" and _amounts_of(after, name) != _amounts_of(before, name)
        for name in RESIZABLE
    )


def _amounts_of(resources: Obj, name: str) -> list[Any]:
    return [(resources.get(part) or {}).get(name) for part in PARTS]


def widest(pod: Obj, before: Amounts) -> Obj:
    """The pod with the greater of what its containers have and shall have: so much room while they change."""
    both = {name: _greater(after, before.get(name, after)) for name, after in wanted(pod).items()}
    return with_granted(pod, both)


def _greater(one: Obj, other: Obj) -> Obj:
    """Where one of them has no limit, there is none."""
    found: Obj = {}
    for part in PARTS:
        left, right = one.get(part) or {}, other.get(part) or {}
        found[part] = {name: _max(amount, right[name]) for name, amount in left.items() if name in right}
    return found


def _max(one: str, other: str) -> str:
    return one if quantity.parse(str(one)) >= quantity.parse(str(other)) else other


def conditions(pod: Obj, seen: Seen, memory: PodMemory) -> dict[str, dict[str, str]]:
    """The conditions that a resize has now, by type; none where none is under way. ``pod``: as granted."""
    found = {}
    if memory.unresized:
        why = memory.unresized
        found[PENDING] = {"status": "True", "reason": why.reason, "message": why.message}
    if outdated(pod, seen, memory):
        found[IN_PROGRESS] = {"status": "True"}
        if memory.resize_error:
            found[IN_PROGRESS] |= {"reason": "Error", "message": memory.resize_error}
    return found
