"""Exact amounts of resources that a pod requests and is limited to, as limit ranges and quotas count and print them.

``resources.requests_of`` is the scheduler's coarser and quicker sum. Source: KEP-753 (sidecars), KEP-2837 (resources of
a whole pod), KEP-688 (overhead), KEP-1287 (resizes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of
from podo.api.parts.container import is_sidecar
from podo.values import quantity
from podo.values.quantity import Quantity

#: Resource name -> how much.
Amounts = dict[str, Quantity]
_POD_LEVEL = ("cpu", "memory")


def amounts_of(texts: Mapping[str, Any] | None) -> Amounts:
    """A ResourceList; what is no quantity is left out: the rules of the kind refuse it."""
    return {name: quantity.parse(str(text)) for name, text in (texts or {}).items() if quantity.is_valid(str(text))}


def plus(one: Amounts, other: Amounts) -> Amounts:
    return {**one, **{name: one[name] + amount if name in one else amount for name, amount in other.items()}}


def held_spec(pod: Obj) -> dict[str, Any]:
    """The spec of a pod, where a node resizes it with what counts for each container meanwhile: the most of what is
    asked for, was granted and is in force; without what is asked for where the node said that it never can be."""
    spec: dict[str, Any] = pod.get("spec") or {}
    generation = pod["metadata"].get("generation") or 1
    status = pod.get("status") or {}
    if generation < 2:  # never changed
        return spec
    pending = condition_of(pod, "PodResizePending") or {}
    refused = pending.get("reason") == "Infeasible" and pending.get("observedGeneration") == generation
    found = dict(spec)
    for field, statuses in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
        held = {entry["name"]: entry for entry in status.get(statuses) or ()}
        if held and spec.get(field):
            found[field] = [_held(each, held.get(each["name"]) or {}, refused) for each in spec[field]]
    return found


def _held(container: Obj, status: Obj, refused: bool) -> Obj:
    actual, asked = status.get("resources"), container.get("resources") or {}
    if not actual:
        return container
    counted = {}
    for field in ("requests", "limits"):
        parts = [] if refused else [amounts_of(asked.get(field))]
        parts += [amounts_of(actual.get(field))]
        parts += [amounts_of(status.get("allocatedResources"))] if field == "requests" else []
        counted[field] = {name: str(amount) for name, amount in _largest(parts).items()}
    return {**container, "resources": counted}


def pod_amounts(spec: dict[str, Any], field: str, *, overhead: bool = False) -> Amounts:
    """What the pod comes to, of ``field`` "requests" or "limits"; with its ``overhead``, which raises limits only where
    there are some."""
    total = container_amounts(spec, field)
    for name, amount in amounts_of((spec.get("resources") or {}).get(field)).items():
        if name in _POD_LEVEL or name.startswith("hugepages-"):
            total[name] = amount
    if overhead and spec.get("overhead"):
        added = amounts_of(spec["overhead"])
        if field == "limits":
            added = {name: amount for name, amount in added.items() if total.get(name)}
        total = plus(total, added)
    return total


def container_amounts(spec: dict[str, Any], field: str) -> Amounts:
    """What the containers come to at their most."""
    return _largest(_of_containers(spec, field))


def _of_containers(spec: dict[str, Any], field: str) -> Iterable[Amounts]:
    """What is in use at each stage: each init container beside the sidecars so far, at last containers and sidecars."""
    sidecars: Amounts = {}
    for each in spec.get("initContainers") or ():
        now = plus(sidecars, amounts_of((each.get("resources") or {}).get(field)))
        if is_sidecar(each):
            sidecars = now
        yield now
    for each in spec.get("containers") or ():
        sidecars = plus(sidecars, amounts_of((each.get("resources") or {}).get(field)))
    yield sidecars


def _largest(stages: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for stage in stages:
        for name, amount in stage.items():
            if name not in total or amount > total[name]:
                total[name] = amount
    return total
