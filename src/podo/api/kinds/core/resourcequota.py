"""ResourceQuota (v1): how much all of a namespace together may use, and of which pods (scopes).

What is counted and how stands in ``podo.admission.resourcequota``. Source: API reference ResourceQuota; "Resource
Quotas" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts.resource_rules import check_resource_name
from podo.api.rules import IMMUTABLE, Found, checked_quantity, invalid, required
from podo.values import quantity

_COMPUTE = frozenset(
    f"{part}{name}" for part in ("", "requests.", "limits.") for name in ("cpu", "memory", "ephemeral-storage")
)
COUNTS = frozenset(
    ("pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims")
)
_SERVICES = frozenset(("services.nodeports", "services.loadbalancers"))
_STANDARD = _COMPUTE | COUNTS | _SERVICES | {"requests.storage"}
_HUGE = ("hugepages-", "requests.hugepages-")
_STORAGE = frozenset(("persistentvolumeclaims", "requests.storage"))
_OF_PODS = _COMPUTE | {"pods"}
#: Scope -> the standard resources that a quota with it can count.
SCOPES: dict[str, frozenset[str]] = {
    "Terminating": _OF_PODS,
    "NotTerminating": _OF_PODS,
    "BestEffort": frozenset(("pods",)),
    "NotBestEffort": _OF_PODS,
    "PriorityClass": _OF_PODS,
    "CrossNamespacePodAffinity": _OF_PODS,
    "VolumeAttributesClass": _STORAGE,
}
_OPPOSITES = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_WITHOUT_VALUES = frozenset(SCOPES) - {"PriorityClass", "VolumeAttributesClass"}
_ONLY_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    _check_amounts(spec.get("hard"), "spec.hard", found)
    standard = [name for name in sorted(spec.get("hard") or ()) if _is_standard(name)]
    if scopes := spec.get("scopes"):
        _check_scopes(scopes, standard, found)
    for expression in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        _check_expression(expression, spec["scopeSelector"], standard, found)
    selected = {one.get("scopeName") for one in (spec.get("scopeSelector") or {}).get("matchExpressions") or ()}
    path = "spec.scopeSelector.matchExpressions"
    found.extend(invalid(path, scopes, "conflicting scopes") for pair in _OPPOSITES if set(pair) <= selected)
    if old is not None and set(scopes or ()) != set((old.get("spec") or {}).get("scopes") or ()):
        found.append(invalid("spec.scopes", scopes, IMMUTABLE))
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for field in ("hard", "used"):
        _check_amounts((new.get("status") or {}).get(field), f"status.{field}", found)
    return found


def _check_amounts(amounts: dict[str, Any] | None, path: str, found: Found) -> None:
    for name, text in (amounts or {}).items():
        where = f"{path}[{name}]"
        check_resource_name(name, where, found)
        if "/" not in name and not _is_standard(name):
            found.append(invalid(where, name, "must be a standard resource for quota"))
        if (amount := checked_quantity(where, text, found)) is None:
            continue
        if amount.nano < 0:
            found.append(invalid(where, str(amount), "must be greater than or equal to 0"))
        elif _is_whole(name) and amount.nano % quantity.NANO:
            found.append(invalid(where, str(amount), "must be an integer"))


def _is_standard(name: str) -> bool:
    return name in _STANDARD or name.startswith(_HUGE)


def _is_whole(name: str) -> bool:
    """Counts and devices come in whole numbers."""
    is_device = "/" in name and not name.endswith("/requests.storage")
    return name in COUNTS or name in _SERVICES or is_device


def _check_scopes(scopes: list[str], standard: list[str], found: Found) -> None:
    path = "spec.scopes"
    for scope in scopes:
        if scope not in SCOPES:
            found.append(invalid(path, scopes, "unsupported scope"))
        _check_resources(scope, standard, path, scopes, found)
    found.extend(invalid(path, scopes, "conflicting scopes") for pair in _OPPOSITES if set(pair) <= set(scopes))


def _check_resources(scope: str, standard: Iterable[str], path: str, value: Any, found: Found) -> None:
    known = SCOPES.get(scope, frozenset())
    found.extend(
        invalid(path, value, "unsupported scope applied to resource") for name in standard if name not in known
    )


def _check_expression(expression: dict[str, Any], selector: Any, standard: list[str], found: Found) -> None:
    path = "spec.scopeSelector.matchExpressions"
    scope, operator = expression.get("scopeName") or "", expression.get("operator") or ""
    values = expression.get("values") or []
    if scope not in SCOPES:
        found.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
    _check_resources(scope, standard, path, selector, found)
    if scope in _WITHOUT_VALUES and operator != "Exists":
        found.append(invalid(f"{path}.operator", operator, _ONLY_EXISTS))
    if operator in ("In", "NotIn"):
        if not values:
            why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            found.append(required(f"{path}.values", why))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            found.append(invalid(f"{path}.values", values, why))
    else:
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))


def _used(quota: Obj, *, limits: bool) -> str:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    shown = [name for name in sorted(hard) if name.startswith("limits") is limits]
    return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in shown)


RESOURCEQUOTA = Kind(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    short_names=("quota",),
    problems=_problems,
    status_problems=_status_problems,
    subresources=frozenset({"status"}),
    columns=(
        NAME,
        column("Request", lambda quota: _used(quota, limits=False)),
        column("Limit", lambda quota: _used(quota, limits=True)),
        AGE,
    ),
)
