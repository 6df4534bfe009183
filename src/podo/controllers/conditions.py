"""Conditions in a status: setting one keeps its transition time while its status stays the same."""

from __future__ import annotations

from typing import Any

from podo.values import timestamp

Condition = dict[str, Any]


def find(conditions: list[Condition], kind: str) -> Condition | None:
    return next((c for c in conditions if c.get("type") == kind), None)


def without(conditions: list[Condition], kind: str) -> list[Condition]:
    return [c for c in conditions if c.get("type") != kind]


def with_condition(conditions: list[Condition], new: Condition, now: float) -> list[Condition]:
    """``conditions`` with ``new`` (type, status, reason, message) set.

    Where status and reason are the same already the old one stays as it is, message and times included (upstream's
    rule for ReplicaSets and Deployments: an unchanged condition is not a reason to write).
    """
    old = find(conditions, new["type"])
    if old and old.get("status") == new["status"] and old.get("reason") == new["reason"]:
        return conditions
    stamp = timestamp.time(now)
    since = old["lastTransitionTime"] if old and old.get("status") == new["status"] else stamp
    return [*without(conditions, new["type"]), {**new, "lastTransitionTime": since}]
