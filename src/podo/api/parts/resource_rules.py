"""What requests and limits must be like (API reference: ResourceRequirements)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from podo.api.parts.podlevel import HUGE, is_supported
from podo.api.rules import Found, check_text, forbidden, invalid, not_supported, required
from podo.values import names, quantity

_STANDARD = ("cpu", "memory", "ephemeral-storage")
#: Of these a container that has huge pages needs one.
_COMPUTE = ("cpu", "memory")
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
_QUOTA = "requests."
#: Judges the name of a resource: ``rule(name, path, found)``.
NameRule = Callable[[str, str, Found], None]


def check_resource_name(name: str, path: str, found: Found) -> None:
    """The name of a resource anywhere: a standard one, or one with a domain in front."""
    check_text(path, name, names.qualified_name, found)
    if "/" not in name and not _is_known(name) and name not in _ELSEWHERE:
        found.append(invalid(path, name, "must be a standard resource type or fully qualified"))


def check_container_resource_name(name: str, path: str, found: Found) -> None:
    """The name of a resource that a container can ask for."""
    if _is_known(name):
        return
    check_resource_name(name, path, found)
    if "/" not in name:
        found.append(invalid(path, name, "must be a standard resource for containers"))
    elif not (_is_native(name) or is_extended(name)):
        found.append(invalid(path, name, "doesn't follow extended resource name standard"))


def check_pod_resource_name(name: str, path: str, found: Found) -> None:
    """The name of a resource that a pod as a whole can ask for."""
    before = len(found)
    check_resource_name(name, path, found)
    if len(found) == before and not is_supported(name):
        found.append(not_supported(path, name, ("cpu", HUGE, "memory")))


def check_resources(
    resources: dict[str, Any], path: str, found: Found, name_rule: NameRule = check_container_resource_name
) -> None:
    """Names and amounts, and that no request is above its limit."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, amount in limits.items():
        _check_one(name, amount, name_rule, f"{path}.limits", found)
    for name, amount in requests.items():
        _check_one(name, amount, name_rule, f"{path}.requests", found)
        limit = limits.get(name)
        if limit is not None:
            _check_pair(name, amount, limit, path, found)
        elif not may_overcommit(name):
            found.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
    named = limits.keys() | requests.keys()
    if any(name.startswith(HUGE) for name in named) and named.isdisjoint(_COMPUTE):
        found.append(forbidden(path, "HugePages require cpu or memory"))


def _check_one(name: str, amount: Any, name_rule: NameRule, path: str, found: Found) -> None:
    where = f"{path}[{name}]"
    name_rule(name, where, found)
    value = _parsed(str(amount))
    if value is None:
        found.append(invalid(where, amount, quantity.MALFORMED))
        return
    if value.nano < 0:
        found.append(invalid(where, str(value), "must be greater than or equal to 0"))
    if not _is_native(name) and value.nano % quantity.NANO:
        found.append(invalid(where, str(value), "must be an integer"))
    if name.startswith(HUGE) and not _is_divisible(name, value):
        found.append(invalid(where, str(value), f"{value} is not positive integer multiple of {name}"))


def _check_pair(name: str, request: Any, limit: Any, path: str, found: Found) -> None:
    if request == limit:
        return
    wanted, most = _parsed(str(request)), _parsed(str(limit))
    if wanted is None or most is None:
        return
    if wanted != most and not may_overcommit(name):
        found.append(invalid(f"{path}.requests", str(wanted), f"must be equal to {name} limit of {most}"))
    elif wanted > most:
        found.append(invalid(f"{path}.requests", str(wanted), f"must be less than or equal to {name} limit of {most}"))


def _is_known(name: str) -> bool:
    return name in _STANDARD or name.startswith(HUGE)


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Is it the name of a resource that Kubernetes does not know itself, and that quotas can count?"""
    return not (_is_native(name) or name.startswith(_QUOTA) or names.qualified_name(_QUOTA + name))


def _is_divisible(name: str, amount: quantity.Quantity) -> bool:
    """Is this a number of pages, whose size the name tells?"""
    size = _parsed(name.removeprefix(HUGE))
    if size is None or size.nano <= 0 or size.nano % quantity.NANO:
        return False
    return int(amount) % int(size) == 0


def may_overcommit(name: str) -> bool:
    """Native resources other than huge pages may be limited above what is requested."""
    return _is_native(name) and not name.startswith(HUGE)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> quantity.Quantity | None:
    try:
        return quantity.parse(text)
    except quantity.QuantityError:
        return None
