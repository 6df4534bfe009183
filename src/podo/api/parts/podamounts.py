"""Exact amounts of resources that a pod requests and is limited to, as limit ranges and quotas count and print them.

``resources.requests_of`` is the scheduler's coarser and quicker sum. Source: KEP-753 (sidecars), KEP-2837 (resources of
a whole pod), KEP-688 (overhead).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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


def pod_amounts(spec: dict[str, Any], field: str, *, overhead: bool = False) -> Amounts:
    """What the pod comes to, of ``field`` "requests" or "limits"; with its ``overhead``, which raises limits only where
    there are some."""
    total = _largest(_of_containers(spec, field))
    for name, amount in amounts_of((spec.get("resources") or {}).get(field)).items():
        if name in _POD_LEVEL or name.startswith("hugepages-"):
            total[name] = amount
    if overhead and spec.get("overhead"):
        added = amounts_of(spec["overhead"])
        if field == "limits":
            added = {name: amount for name, amount in added.items() if total.get(name)}
        total = plus(total, added)
    return total


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
