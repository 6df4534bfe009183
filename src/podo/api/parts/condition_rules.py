"""What the conditions of a status must be like (API reference: Condition)."""

from __future__ import annotations

import re
from typing import Any

from podo.api.kind import Obj
from podo.api.rules import Found, check_text, check_unique, invalid, not_supported, required, too_long
from podo.values import names

_STATUSES = ("False", "True", "Unknown")
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_REASON_MAX, _MESSAGE_MAX = 1024, 32 * 1024


def check_conditions(conditions: list[dict[str, Any]], path: str, found: Found) -> None:
    """Each type once, and all fields that upstream's metav1.Condition needs."""
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        kind = condition.get("type") or ""
        check_unique(f"{path}[{index}].type", kind, seen, found)
        check_condition(condition, f"{path}[{index}]", found)


def check_condition(condition: dict[str, Any], path: str, found: Found) -> None:
    check_text(f"{path}.type", condition.get("type") or "", names.qualified_name, found)
    if condition.get("status") not in _STATUSES:
        found.append(not_supported(f"{path}.status", condition.get("status") or "", _STATUSES))
    if (condition.get("observedGeneration") or 0) < 0:
        why = "must be greater than or equal to zero"
        found.append(invalid(f"{path}.observedGeneration", condition["observedGeneration"], why))
    if not condition.get("lastTransitionTime"):
        found.append(required(f"{path}.lastTransitionTime", "must be set"))
    reason = condition.get("reason") or ""
    if not reason:
        found.append(required(f"{path}.reason", "must be set"))
    elif not _REASON.fullmatch(reason):
        why = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
        why += " characters or '_,:', and must end with an alphanumeric character or '_'"
        found.append(invalid(f"{path}.reason", reason, why))
    if len(reason) > _REASON_MAX:
        found.append(too_long(f"{path}.reason", _REASON_MAX))
    if len(condition.get("message") or "") > _MESSAGE_MAX:
        found.append(too_long(f"{path}.message", _MESSAGE_MAX))


def type_problems(new: Obj, old: Obj | None) -> Found:
    """Of the status of a kind whose conditions are its own: each has a type, and no two the same."""
    found: Found = []
    seen: set[str] = set()
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        path, kind = f"status.conditions[{index}].type", condition.get("type") or ""
        check_unique(path, kind, seen, found)
        if not kind:
            found.append(required(path, "must not be empty"))
    return found
