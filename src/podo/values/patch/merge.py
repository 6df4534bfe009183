"""JSON merge patch (RFC 7386)."""

from __future__ import annotations

from typing import Any

from podo.values.patch import same


def apply(document: Any, patch: Any) -> Any:
    """The document with the patch merged in: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply(merged.get(key), value)
    return merged


def diff(before: Any, after: Any) -> Any:
    """The smallest merge patch that makes ``after`` of ``before``. ``after`` must not hold null in an object: a merge
    patch cannot say that (RFC 7386, section 1).
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif not same(before[key], value):
            patch[key] = diff(before[key], value)
    return patch
