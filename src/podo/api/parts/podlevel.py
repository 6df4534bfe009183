"""The ``resources`` of a whole pod: the defaults that follow from what its containers ask for (KEP-2837)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.podamounts import container_amounts

Spec = dict[str, Any]
HUGE = "hugepages-"
_OVERCOMMITTED = ("cpu", "memory")


def is_supported(name: str) -> bool:
    """May a pod as a whole ask for this resource?"""
    return name in _OVERCOMMITTED or name.startswith(HUGE)


def fill_in(spec: Spec) -> None:
    """Requests and limits of a pod that says a part of them, in place; after those of its containers."""
    resources = spec["resources"]
    if resources.get("limits") or resources.get("requests"):
        _fill_in_huge_pages(spec, resources)
    if resources.get("limits"):
        _fill_in_requests(spec, resources)
    elif resources.get("requests"):
        _fill_in_limits(spec, resources)


def _fill_in_huge_pages(spec: Spec, resources: Spec) -> None:
    requests, limits = resources.get("requests") or {}, dict(resources.get("limits") or {})
    for name, total in container_amounts(spec, "limits").items():
        if name.startswith(HUGE) and name not in requests:
            limits.setdefault(name, str(total))
    if limits:
        resources["limits"] = limits


def _fill_in_requests(spec: Spec, resources: Spec) -> None:
    requests = dict(resources.get("requests") or {})
    for name, total in container_amounts(spec, "requests").items():
        if name in _OVERCOMMITTED:
            requests.setdefault(name, str(total))
    for name, limit in resources["limits"].items():
        if is_supported(name):
            requests.setdefault(name, limit)
    if requests:
        resources["requests"] = requests


def _fill_in_limits(spec: Spec, resources: Spec) -> None:
    """Where each container has a limit, the pod has their sum."""
    totals = container_amounts(spec, "limits").items()
    limits = {name: str(total) for name, total in totals if name in _OVERCOMMITTED and _limited(spec, name)}
    if limits:
        resources["limits"] = limits


def _limited(spec: Spec, name: str) -> bool:
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return all(name in ((each.get("resources") or {}).get("limits") or {}) for each in containers)
