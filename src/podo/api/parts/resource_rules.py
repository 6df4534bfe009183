"""What requests and limits must be like (API reference: ResourceRequirements)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api.rules import Found, check_text, invalid, required
from podo.values import names, quantity

_STANDARD = ("cpu", "memory", "ephemeral-storage")
#: Standard names that mean something in quotas and claims, not in containers.
_ELSEWHERE = frozenset(
    (
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
        "storage",
        "requests.storage",
        *(f"{part}.{name}" for part in ("limits", "requests") for name in _STANDARD),
    )
)
_HUGE = "hugepages-"


def check_resources(resources: dict[str, Any], path: str, found: Found) -> None:
    """Names and amounts, and that no request is above its limit."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, amount in limits.items():
        _check_one(name, amount, f"{path}.limits", found)
    for name, amount in requests.items():
        _check_one(name, amount, f"{path}.requests", found)
        limit = limits.get(name)
        if limit is not None:
            _check_pair(name, amount, limit, path, found)
        elif not may_overcommit(name):
            found.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))


def check_resource_name(name: str, path: str, found: Found) -> None:
    """The name of a resource anywhere: a standard one, or one with a domain in front."""
    check_text(path, name, names.qualified_name, found)
    if "/" not in name and not _is_known(name) and name not in _ELSEWHERE:
        found.append(invalid(path, name, "must be a standard resource type or fully qualified"))


def check_container_resource_name(name: str, path: str, found: Found) -> None:
    """The name of a resource that a container can ask for."""
    if not _is_known(name):
        check_resource_name(name, path, found)
        if "/" not in name:
            found.append(invalid(path, name, "must be a standard resource for containers"))


def _check_one(name: str, amount: Any, path: str, found: Found) -> None:
    check_container_resource_name(name, f"{path}[{name}]", found)
    value = _parsed(str(amount))
    if value is None:
        found.append(invalid(f"{path}[{name}]", amount, quantity.MALFORMED))
    elif value.nano < 0:
        found.append(invalid(f"{path}[{name}]", str(value), "must be greater than or equal to 0"))
    elif not may_overcommit(name) and not name.startswith(_HUGE) and value.nano % 10**9:
        found.append(invalid(f"{path}[{name}]", str(value), "must be an integer"))


def _check_pair(name: str, request: Any, limit: Any, path: str, found: Found) -> None:
    if request == limit:
        return
    wanted, most = _parsed(str(request)), _parsed(str(limit))
    if wanted is None or most is None:
        return
    if not may_overcommit(name):
        if wanted != most:
            found.append(invalid(f"{path}.requests", str(wanted), f"must be equal to {name} limit of {most}"))
    elif wanted > most:
        found.append(invalid(f"{path}.requests", str(wanted), f"must be less than or equal to {name} limit of {most}"))


def _is_known(name: str) -> bool:
    return name in _STANDARD or name.startswith(_HUGE)


def may_overcommit(name: str) -> bool:
    """Native resources other than huge pages may be limited above what is requested."""
    return name in _STANDARD or "kubernetes.io/" in name


@lru_cache(maxsize=4096)
def _parsed(text: str) -> quantity.Quantity | None:
    try:
        return quantity.parse(text)
    except quantity.QuantityError:
        return None
