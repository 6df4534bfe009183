"""What the ``resources`` of a whole pod must be like, by themselves and beside those of its containers (KEP-2837)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.podamounts import amounts_of, container_amounts
from podo.api.parts.podlevel import HUGE
from podo.api.parts.resource_rules import check_pod_resource_name, check_resources
from podo.api.rules import Found, forbidden, invalid

Spec = dict[str, Any]


def check_pod_resources(spec: Spec, path: str, found: Found) -> None:
    """``spec.resources``; ``path`` is the spec's."""
    resources, where = spec.get("resources"), f"{path}.resources"
    if resources is None:
        return
    if (spec.get("os") or {}).get("name") == "windows":
        found.append(forbidden(where, "may not be set for a windows pod"))
        return
    if resources.get("claims"):
        found.append(forbidden(f"{where}.claims", "claims may not be set for Resources at pod-level"))
    check_resources(resources, where, found, name_rule=check_pod_resource_name)
    _check_sums(spec, resources, where, found)
    _check_each_limit(spec, resources, where, found)


def _check_sums(spec: Spec, resources: Spec, path: str, found: Found) -> None:
    """The pod has at least what its containers request together, and of huge pages what they are limited to."""
    for part in ("requests", "limits"):
        own = amounts_of(resources.get(part))
        for name, total in container_amounts(spec, part).items() if own else ():
            if name in own and total > own[name] and (part == "requests" or name.startswith(HUGE)):
                why = f"must be greater than or equal to aggregate container {part} of {total}"
                found.append(invalid(f"{path}.{part}[{name}]", str(own[name]), why))


def _check_each_limit(spec: Spec, resources: Spec, path: str, found: Found) -> None:
    most = amounts_of(resources.get("limits"))
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in amounts_of((container.get("resources") or {}).get("limits")).items():
            if name in most and limit > most[name]:
                why = f"must be less than or equal to pod limits of {most[name]}"
                found.append(invalid(f"{path}.containers[{index}][{name}].limits", str(limit), why))
