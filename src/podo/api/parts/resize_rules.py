"""What an in-place resize of a pod's containers may change, and what a resizePolicy must be like (KEP-1287)."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.container import is_sidecar
from podo.api.parts.resources import qos_class
from podo.api.rules import Found, check_unique, forbidden, invalid, not_supported, required

#: The resources of a container that can be resized.
RESIZABLE = ("cpu", "memory")
_POLICIES = ("NotRequired", "RestartContainer")
_AMOUNTS = ("requests", "limits")
#: A pod's lists of containers that are looked at.
LISTS = ("containers", "initContainers")


def check_resize_policy(policies: list[dict[str, Any]], restart_policy: str, path: str, found: Found) -> None:
    """The ``resizePolicy`` of a container in a pod with this restartPolicy."""
    seen: set[Any] = set()
    for index, each in enumerate(policies):
        name, policy = each.get("resourceName"), each.get("restartPolicy")
        check_unique(f"{path}[{index}]", name, seen, found)
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
        for field in LISTS
        for index, container in enumerate(spec.get(field) or ())
        if field == "containers" or is_sidecar(container)
    ]


def check_resize(new: Obj, old: Obj, found: Found) -> None:
    """Between two states of a pod that differ in their containers, and in what all of them may use, only. That a node
    cannot change yet."""
    if (new["spec"].get("resources") or {}) != (old["spec"].get("resources") or {}):
        found.append(forbidden("spec.resources", "resizing the resources of a whole pod is not supported"))
    quality = (old.get("status") or {}).get("qosClass") or qos_class(old)
    if quality != qos_class(new):
        found.append(invalid("spec", quality, "Pod QOS Class may not change as a result of resizing"))
    if _names(new) != _names(old):
        for field in LISTS:
            _check_order(new["spec"].get(field) or [], old["spec"].get(field) or [], field, found)
        return
    for field in reversed(LISTS):
        for index, (after, present) in enumerate(_pairs(new, old, field)):
            if field == "containers" or is_sidecar(present):
                _check_kept(after, present, f"spec.{field}[{index}].resources", found)
    for field in LISTS:
        for index, (after, present) in enumerate(_pairs(new, old, field)):
            _check_others(after, present, field, f"spec.{field}[{index}]", found)


def _names(pod: Obj) -> list[list[Any]]:
    return [[each.get("name") for each in pod["spec"].get(field) or ()] for field in LISTS]


def _pairs(new: Obj, old: Obj, field: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return list(zip(new["spec"].get(field) or (), old["spec"].get(field) or (), strict=True))


def _check_order(new: list[dict[str, Any]], old: list[dict[str, Any]], field: str, found: Found) -> None:
    if len(new) != len(old):
        found.append(forbidden(f"spec.{field}", f"{field} may not be added or removed on resize"))
        return
    for index, (after, before) in enumerate(zip(new, old, strict=True)):
        if after.get("name") != before.get("name"):
            why = f"{field} may not be renamed or reordered on resize"
            found.append(forbidden(f"spec.{field}[{index}].name", why))


def _check_kept(new: dict[str, Any], old: dict[str, Any], path: str, found: Found) -> None:
    wanted, present = new.get("resources") or {}, old.get("resources") or {}
    for part in _AMOUNTS:
        if (present.get(part) or {}).keys() - (wanted.get(part) or {}).keys():
            found.append(forbidden(f"{path}.{part}", f"resource {part} cannot be removed"))


def _check_others(new: dict[str, Any], old: dict[str, Any], field: str, path: str, found: Found) -> None:
    """What is not a resource that can be resized, in a container that can be."""
    if field == "containers":
        if _others(new) != _others(old):
            found.append(forbidden("spec", "only cpu and memory resources are mutable"))
    elif not is_sidecar(old):
        if any((new.get(name) or {}) != (old.get(name) or {}) for name in ("resources", "resizePolicy")):
            found.append(forbidden("spec", "resources for non-sidecar init containers are immutable"))
    elif _others(new) != _others(old):
        why = "only cpu and memory resources for init or sidecar containers are mutable"
        found.append(forbidden(path, why))


def _others(container: dict[str, Any]) -> Any:
    """What of a container's resources and resizePolicy must stay."""
    resources = container.get("resources") or {}
    amounts = {
        part: {name: amount for name, amount in (resources.get(part) or {}).items() if name not in RESIZABLE}
        for part in _AMOUNTS
    }
    return amounts, resources.get("claims") or [], container.get("resizePolicy") or []
