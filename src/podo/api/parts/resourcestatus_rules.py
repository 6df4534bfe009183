"""What nodes may report of a container's users and devices (API reference: ContainerUser, ResourceStatus; KEP-4680)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.securitycontext import check_id
from podo.api.rules import Found, duplicate, forbidden, invalid, not_supported

_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_CLAIM = "claim:"


def check_users(user: dict[str, Any], system: str, path: str, found: Found) -> None:
    """``status.user`` of a container; ``system``: the pod's operating system."""
    linux, where = user.get("linux"), f"{path}.linux"
    if linux is None:
        return
    if system == "windows":
        found.append(forbidden(where, "cannot be set for a windows pod"))
        return
    check_id(linux.get("uid") or 0, f"{where}.uid", found)
    check_id(linux.get("gid") or 0, f"{where}.gid", found)
    for index, group in enumerate(linux.get("supplementalGroups") or ()):
        check_id(group, f"{where}.supplementalGroups[{index}]", found)


def check_allocated(allocated: list[dict[str, Any]], container: dict[str, Any] | None, path: str, found: Found) -> None:
    """``allocatedResourcesStatus`` of a container; of one that the pod does not have (None) names are not judged."""
    known = None if container is None else _names(container.get("resources") or {})
    for index, one in enumerate(allocated):
        where, name = f"{path}[{index}]", one.get("name") or ""
        if known is not None and name not in known:
            why = "must match one of the container's resource requests"
            if name.startswith(_CLAIM):
                form = "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
                why = f"must match one of the container's resource claims in a format {form}"
            found.append(invalid(f"{where}.name", name, why))
        seen = set()
        for at, each in enumerate(one.get("resources") or ()):
            if (health := each.get("health") or "") not in _HEALTH:
                found.append(not_supported(f"{where}.resources[{at}].health", health, _HEALTH))
            if (identity := each.get("resourceID") or "") in seen:
                found.append(duplicate(f"{where}.resources[{at}].resourceID", identity))
            seen.add(identity)


def _names(resources: dict[str, Any]) -> set[str]:
    claims = resources.get("claims") or ()
    whole = {f"{_CLAIM}{claim.get('name')}" for claim in claims if not claim.get("request")}
    parts = {f"{_CLAIM}{claim.get('name')}/{claim['request']}" for claim in claims if claim.get("request")}
    return whole | parts | set(resources.get("requests") or ())
