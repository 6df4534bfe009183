"""Tolerations against taints: which one matches which. Source: the documentation "Taints and Tolerations" and
KEP-5471."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Does this toleration match the taint? An empty effect, or an empty key with ``Exists``, matches any."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    if not toleration.get("key"):
        return False
    have, want = taint.get("value") or "", toleration.get("value") or ""
    if operator == "Equal":
        return bool(have == want)
    return _compares(operator, have, want)


def _compares(operator: str, have: str, want: str) -> bool:
    """Gt and Lt compare whole numbers; anything else matches nothing."""
    try:
        return int(have) > int(want) if operator == "Gt" else operator == "Lt" and int(have) < int(want)
    except ValueError:
        return False
