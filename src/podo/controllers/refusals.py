"""What a refusal of the API means to a controller."""

from __future__ import annotations

from podo.api.errors import ApiError


def of_going_namespace(error: Exception) -> bool:
    """Was something not made because its namespace is being deleted? Of that nobody has to be told."""
    details = error.details if isinstance(error, ApiError) else None
    causes = (details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
