"""What an in-place resize of a pod's containers may change, and what a resizePolicy must be like (KEP-1287)."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.container import is_sidecar
from podo.api.parts.resources import qos_class
from podo.api.rules import Found, duplicate, forbidden, invalid, not_supported, required

#: The resources of a container that can be resized.
RESIZABLE = ("cpu", "memory")
_POLICIES = ("NotRequired", "RestartContainer")
_AMOUNTS = ("requests", "limits")


def check_resize_policy(policies: list[dict[str, Any]], restart_policy: str, path: str, found: Found) -> None:
    """The ``resizePolicy`` of a container in a pod with this restartPolicy."""
    seen = set()
    for index, each in enumerate(policies):
        name, policy = each.get("resourceName"), each.get("restartPolicy")
        if name in seen:
            found.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        for value, supported in ((name, RESIZABLE), (policy, _POLICIES)):
            if not value:
                found.append(required(path))
            elif value not in supported:
                found.append(not_supported(path, value, supported))
        if restart_policy == "Never" and policy != "NotRequired":
            found.append(invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"))


def resizable(spec: dict[str, Any]) -> list[tuple[str, int, dict[str, Any]]]:
    """The containers that can be resized: (field, index, container). Init containers that end cannot."""
    return [
        (field, index, container)
        for field in ("containers", "initContainers")
        for index, container in enumerate(spec.get(field) or ())
        if field == "containers" or is_sidecar(container)
    ]


def check_resize(new: Obj, old: Obj, found: Found) -> None:
    """Between two states of a pod that differ in the resources and resizePolicy of containers only."""
    quality = (old.get("status") or {}).get("qosClass") or qos_class(old)
    if quality != qos_class(new):
        found.append(invalid("spec", quality, "Pod QOS Class may not change as a result of resizing"))
    changes_more = False
    for (field, index, after), (_, _, before) in zip(resizable(new["spec"]), resizable(old["spec"]), strict=True):
        path = f"spec.{field}[{index}].resources"
        wanted, present = after.get("resources") or {}, before.get("resources") or {}
        for part in _AMOUNTS:
            if (present.get(part) or {}).keys() - (wanted.get(part) or {}).keys():
                found.append(forbidden(f"{path}.{part}", f"resource {part} cannot be removed"))
        changes_more = changes_more or _others(after) != _others(before)
    if changes_more:
        found.append(forbidden("spec", "only cpu and memory resources are mutable"))


def _others(container: dict[str, Any]) -> Any:
    """What of a container's resources and resizePolicy must stay."""
    resources = container.get("resources") or {}
    amounts = {
        part: {name: amount for name, amount in (resources.get(part) or {}).items() if name not in RESIZABLE}
        for part in _AMOUNTS
    }
    return amounts, resources.get("claims") or [], container.get("resizePolicy") or []
