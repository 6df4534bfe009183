"""LimitRange (v1): the least, the most and the default amounts of resources in a namespace, an item each for pods,
containers and claims.

Source: API reference LimitRange; "Limit Ranges" of the Kubernetes documentation.
"""

from __future__ import annotations

from typing import Any

from podo.api.columns import CREATED_AT, NAME
from podo.api.kind import Kind, Obj
from podo.api.parts.resource_rules import check_container_resource_name, check_resource_name, may_overcommit
from podo.api.rules import Found, check_text, check_unique, checked_quantity, forbidden, invalid, required
from podo.values import names, quantity
from podo.values.quantity import Quantity

POD, CONTAINER, CLAIM = "Pod", "Container", "PersistentVolumeClaim"
_FIELDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
#: The larger field may not be below the smaller: (smaller, larger, reported at, value shown, words).
_ORDERED = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {} is greater than default request value {}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {} is greater than max value {}",
    ),
    (
        *("defaultRequest", "default", "defaultRequest", "defaultRequest"),
        "default request value {} is greater than default limit value {}",
    ),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)
_ONE = quantity.parse("1")


def _fill_in(limits: Obj) -> None:
    """A container's default limit is its maximum, its default request its default limit or else its minimum."""
    for item in (limits.get("spec") or {}).get("limits") or ():
        if item.get("type") != CONTAINER:
            continue
        default = {**(item.get("max") or {}), **(item.get("default") or {})}
        request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
        for field, amounts in (("default", default), ("defaultRequest", request)):
            if amounts:
                item[field] = amounts


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    seen: set[str] = set()
    for index, item in enumerate((new.get("spec") or {}).get("limits") or ()):
        path, type_ = f"spec.limits[{index}]", item.get("type") or ""
        known = len(found)
        check_text(f"{path}.type", type_, names.qualified_name, found)
        if len(found) == known and "/" not in type_ and type_ not in (POD, CONTAINER, CLAIM):
            found.append(invalid(f"{path}.type", type_, "must be a standard limit type or fully qualified"))
        check_unique(f"{path}.type", type_, seen, found)
        _check_item(item, type_, path, found)
    return found


def _check_item(item: dict[str, Any], type_: str, path: str, found: Found) -> None:
    amounts: dict[str, dict[str, Quantity]] = {field: {} for field in _FIELDS}
    for field in _FIELDS:
        given = item.get(field) or {}
        if type_ == POD and given and field in ("default", "defaultRequest"):
            found.append(forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'"))
            continue
        for name, text in given.items():
            amounts[field].update(_amount(type_, name, text, f"{path}.{field}[{name}]", found))
    if type_ == CLAIM and not ("storage" in (item.get("min") or {}) or "storage" in (item.get("max") or {})):
        why = "either minimum or maximum storage value is required, but neither was provided"
        found.append(required(f"{path}.limits", why))
    for name in sorted({name for known in amounts.values() for name in known}):
        _check_order(name, {field: known[name] for field, known in amounts.items() if name in known}, path, found)


def _amount(type_: str, name: str, text: Any, path: str, found: Found) -> dict[str, Quantity]:
    check = check_container_resource_name if type_ in (POD, CONTAINER) else check_resource_name
    check(name, path, found)
    amount = checked_quantity(path, text, found)
    return {} if amount is None else {name: amount}


def _check_order(name: str, of: dict[str, Quantity], path: str, found: Found) -> None:
    """``of``: the amounts of one resource by the fields that set it."""
    for smaller, larger, where, shown, words in _ORDERED:
        if smaller in of and larger in of and of[smaller] > of[larger]:
            found.append(invalid(f"{path}.{where}[{name}]", str(of[shown]), words.format(of[smaller], of[larger])))
    ratio = of.get("maxLimitRequestRatio")
    if ratio is not None:
        _check_ratio(ratio, of, f"{path}.maxLimitRequestRatio[{name}]", found)
    if "default" in of and "defaultRequest" in of and not may_overcommit(name):
        default, request = of["default"], of["defaultRequest"]
        if default != request:
            why = f"default value {default} must equal to defaultRequest value {request} in {name}"
            found.append(invalid(f"{path}.defaultRequest[{name}]", str(request), why))


def _check_ratio(ratio: Quantity, of: dict[str, Quantity], path: str, found: Found) -> None:
    if ratio < _ONE:
        found.append(invalid(path, str(ratio), f"ratio {ratio} is less than 1"))
    least, most = of.get("min"), of.get("max")
    if least and most and ratio.nano / quantity.NANO > most.nano / least.nano:
        why = f"ratio {ratio} is greater than max/min = {most.nano / least.nano:f}"
        found.append(invalid(path, str(ratio), why))


LIMITRANGE = Kind(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    singular="limitrange",
    short_names=("limits",),
    fill_in=_fill_in,
    problems=_problems,
    columns=(NAME, CREATED_AT),
    created_by_update=True,
)
