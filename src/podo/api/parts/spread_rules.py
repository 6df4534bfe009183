"""What topology spread constraints must be like (API reference: TopologySpreadConstraint)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podo.api.parts.labelkeys import check_label_keys
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import Found, check_choice, duplicate, invalid, not_supported, required

_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")
_NOT_POSITIVE = "must be greater than zero"


def check_spread(constraints: Sequence[dict[str, Any]], path: str, found: Found) -> None:
    for index, constraint in enumerate(constraints):
        _check(constraint, constraints[index + 1 :], f"{path}[{index}]", found)


def _check(constraint: dict[str, Any], others: Sequence[dict[str, Any]], path: str, found: Found) -> None:
    """``others``: those behind it."""
    skew, key = constraint.get("maxSkew") or 0, constraint.get("topologyKey") or ""
    action = constraint.get("whenUnsatisfiable") or ""
    if skew <= 0:
        found.append(invalid(f"{path}.maxSkew", skew, _NOT_POSITIVE))
    if not key:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
    if action not in _UNSATISFIABLE:
        found.append(not_supported(f"{path}.whenUnsatisfiable", action, _UNSATISFIABLE))
    if any(one.get("topologyKey") == key and one.get("whenUnsatisfiable") == action for one in others):
        found.append(duplicate(f"{path}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"))
    if (least := constraint.get("minDomains")) is not None:
        _check_least(least, action, f"{path}.minDomains", found)
    for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        check_choice(f"{path}.{field}", constraint.get(field), _POLICIES, found)
    check_label_keys(constraint, path, found)
    if selector := constraint.get("labelSelector"):
        check_label_selector(selector, f"{path}.labelSelector", found)


def _check_least(least: int, action: str, path: str, found: Found) -> None:
    if least <= 0:
        found.append(invalid(path, least, _NOT_POSITIVE))
    if action != "DoNotSchedule":
        why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        found.append(invalid(path, least, why))
