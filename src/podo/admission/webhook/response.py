"""What a webhook has answered: checked as upstream does, and its denial as the error that the client is told. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import orjson

from podo.admission.webhook.review import GROUP
from podo.api.errors import ApiError
from podo.api.kind import Obj

JSON_PATCH = "JSONPatch"
#: Bytes of warnings of one answer that are passed on, and of one warning.
_WARNINGS, _WARNING = 4096, 256


class BadResponse(Exception):
    """The answer is not what an AdmissionReview's must be."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``patch``: decoded operations, None without a patch. ``status``: why, if it is not allowed."""

    allowed: bool
    patch: Any = None
    status: Obj = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


def verdict_of(review: Obj, uid: str, version: str, *, mutating: bool) -> Verdict:
    """Raises BadResponse."""
    response = review.get("response")
    if not isinstance(response, dict):
        raise BadResponse("webhook response was absent")
    if version == "v1":
        _check_identity(review, response, uid)
    patch, patch_type = response.get("patch"), response.get("patchType")
    if version == "v1":
        _check_patch(patch, patch_type, mutating)
    elif patch:
        patch_type = JSON_PATCH
    return Verdict(
        response.get("allowed") is True,
        _decoded(patch, patch_type) if patch and mutating else None,
        _map(response.get("status")),
        _warnings(response.get("warnings")),
        tuple((str(key), str(value)) for key, value in _map(response.get("auditAnnotations")).items()),
    )


def _check_identity(review: Obj, response: Obj, uid: str) -> None:
    if (found := response.get("uid") or "") != uid:
        raise BadResponse(f'expected response.uid="{uid}", got "{found}"')
    api_version, kind = review.get("apiVersion") or "", review.get("kind") or ""
    if (api_version, kind) != (f"{GROUP}/v1", "AdmissionReview"):
        expected = f"{GROUP}/v1, Kind=AdmissionReview"
        raise BadResponse(f"expected webhook response of {expected}, got {api_version or '/'}, Kind={kind}")


def _check_patch(patch: Any, patch_type: Any, mutating: bool) -> None:
    if not mutating:
        for name, value in (("patch", patch), ("patchType", patch_type)):
            if value:
                raise BadResponse(f"validating webhook may not return response.{name}")
        return
    if patch and patch_type is None:
        raise BadResponse("webhook returned response.patch but not response.patchType")
    if not patch and patch_type is not None:
        raise BadResponse("webhook returned response.patchType but not response.patch")
    if patch_type == "":
        raise BadResponse('webhook returned invalid response.patchType of ""')


def _decoded(patch: Any, patch_type: Any) -> Any:
    if patch_type != JSON_PATCH:
        raise BadResponse(f'unsupported patch type "{patch_type}"')
    try:
        return orjson.loads(base64.b64decode(patch, validate=True))
    except (binascii.Error, TypeError, ValueError) as problem:
        raise BadResponse(f"response.patch is not JSON in base64: {problem}") from None


def _map(value: Any) -> Obj:
    return value if isinstance(value, dict) else {}


def _warnings(values: Any) -> tuple[str, ...]:
    """Those that are passed on: long ones are cut once there is much."""
    texts = [text for text in values if isinstance(text, str)] if isinstance(values, list) else []
    if sum(map(len, texts)) > _WARNINGS:
        texts = [text[:_WARNING] for text in texts]
    kept: list[str] = []
    left = _WARNINGS
    for text in texts:
        left -= len(text)
        if left < 0:
            break
        kept.append(text)
    return tuple(kept)


def denial(name: str, status: Obj) -> ApiError:
    """What the client is told when the webhook called ``name`` has denied."""
    denied = f'admission webhook "{name}" denied the request'
    message, reason, code = status.get("message"), status.get("reason"), status.get("code")
    if message or reason:
        text = f"{denied}: {message or reason}"
    else:
        text = f"{denied} without explanation"
    details = status.get("details")
    return ApiError(
        str(reason or ""),
        text,
        details if isinstance(details, dict) else None,
        code if isinstance(code, int) and 400 <= code < 600 else 400,
    )
