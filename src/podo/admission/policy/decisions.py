"""The refusal of a write by a policy, in upstream's words."""

from __future__ import annotations

from podo.admission.request import AdmissionRequest
from podo.api.errors import REASONS, ApiError, forbidden


def denial(request: AdmissionRequest, subject: str, message: str, reason: str = "Invalid") -> ApiError:
    """``subject``: the policy and binding, as they are called in the message."""
    cause = f"{subject} denied request: {message}"
    name = request.name or str(((request.object or request.old or {}).get("metadata") or {}).get("name") or "")
    error = forbidden(request.kind, name, cause)
    error.reason, error.code = reason, REASONS[reason].code
    error.details = {**(error.details or {}), "causes": [{"message": cause}]}
    return error
