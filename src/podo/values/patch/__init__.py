"""Patches: pure functions from a document and a patch to the new document.

No input is changed. A result shares the parts that did not change with its inputs, so whoever changes it in place
copies it first (or decodes the original again).
"""

from __future__ import annotations

from typing import Any


class PatchError(ValueError):
    """The patch is malformed or does not apply. ``failed_test``: it is well-formed, but one of its tests fails."""

    def __init__(self, message: str, failed_test: bool = False) -> None:
        super().__init__(message)
        self.failed_test = failed_test


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: ``1`` is ``1.0`` but not ``true``."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
