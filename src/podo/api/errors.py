"""Errors as the API answers them: one table of reasons, and the exception that carries one to the client as a Status.

Source: metav1.StatusReason and the API conventions document ("Response Status Kind").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Kind, Obj, Problem


@dataclass(frozen=True, slots=True)
class Reason:
    """A row of the table: the HTTP code, and whether the same request may succeed when sent again."""

    code: int
    retry: bool = False


REASONS: dict[str, Reason] = {
    "Unauthorized": Reason(401),
    "Forbidden": Reason(403),
    "NotFound": Reason(404),
    "AlreadyExists": Reason(409),
    "Conflict": Reason(409, retry=True),
    "Gone": Reason(410),
    "Expired": Reason(410),
    "Invalid": Reason(422),
    "ServerTimeout": Reason(500, retry=True),
    "Timeout": Reason(504, retry=True),
    "TooManyRequests": Reason(429, retry=True),
    "BadRequest": Reason(400),
    "MethodNotAllowed": Reason(405),
    "NotAcceptable": Reason(406),
    "RequestEntityTooLarge": Reason(413),
    "UnsupportedMediaType": Reason(415),
    "InternalError": Reason(500),
    "ServiceUnavailable": Reason(503, retry=True),
}

_META_GROUP = "meta.k8s.io"


class ApiError(Exception):
    """A refusal or failure of the API. Servers raise it and answer its Status; clients raise it from a Status they
    were sent."""

    def __init__(
        self, reason: str, message: str, details: dict[str, Any] | None = None, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = details
        self.code = code or REASONS[reason].code
        #: What the client is told beside the refusal.
        self.warnings: Sequence[str] = ()
        #: Of an expired page of a list: where to go on at the newest revision (``metadata.continue``).
        self.continue_token = ""

    @property
    def retry(self) -> bool:
        """May the same request succeed when sent again?"""
        known = REASONS.get(self.reason)
        return known.retry if known else self.code >= 500

    def status(self) -> Obj:
        """The ``metav1.Status`` of this error."""
        status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        if self.continue_token:
            status["metadata"] = {"continue": self.continue_token}
        return status

    @staticmethod
    def from_status(status: Obj) -> ApiError:
        """The error a ``metav1.Status`` describes."""
        code = int(status.get("code") or 500)
        reason = status.get("reason") or "InternalError"
        error = ApiError(reason, status.get("message") or "", status.get("details"), code)
        error.continue_token = (status.get("metadata") or {}).get("continue") or ""
        return error


def _details(kind: Kind, name: str) -> dict[str, Any]:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in details.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError("NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    return ApiError("AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


def version_set() -> ApiError:
    """A new object that says which version it is: upstream's store refuses it, and so without a reason."""
    return ApiError("", "resourceVersion should not be set on objects to be created", code=500)


def not_generated(kind: Kind, name: str) -> ApiError:
    """The name that was made of ``generateName`` is taken: the same request may find another."""
    why = "the server was not able to generate a unique name for the object"
    message = f'{kind.resource} "{name}" already exists, {why}'
    return ApiError("AlreadyExists", message, {**_details(kind, name), "retryAfterSeconds": 1})


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError("Conflict", message, _details(kind, name))


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    subject = f'{kind.resource} "{name}"' if name else kind.resource
    return ApiError("Forbidden", f"{subject} is forbidden: {why}", _details(kind, name))


def bad_request(message: str) -> ApiError:
    return ApiError("BadRequest", message)


def invalid(kind: Kind, name: str, problems: Iterable[Problem]) -> ApiError:
    """All that is wrong with one object, each problem a cause."""
    return invalid_of(kind.qualified, {"name": name, "group": kind.group, "kind": kind.kind}, problems)


def invalid_options(options: str, problems: Iterable[Problem]) -> ApiError:
    """All that is wrong with the parameters of a request. ``options``: e.g. ``ListOptions``."""
    return invalid_of(f"{options}.{_META_GROUP}", {"group": _META_GROUP, "kind": options}, problems)


def unreadable_patch(shown: str, why: str) -> ApiError:
    """What a patch makes of an object is not of its kind's form. ``shown``: the result, or the patch, as text."""
    value = json.dumps(shown, ensure_ascii=False)
    return invalid_of("", {}, [Problem("patch", "FieldValueInvalid", f"Invalid value: {value}: {why}")])


def invalid_of(qualified: str, about: dict[str, str], problems: Iterable[Problem]) -> ApiError:
    """``qualified``: what is invalid, in the message; ``about``: its name, group and kind, in the details."""
    found = list(dict.fromkeys(problems))  # the same thing said twice is one cause
    text = str(found[0]) if len(found) == 1 else "[" + ", ".join(map(str, found)) + "]"
    causes = [{"reason": p.reason, "message": p.message, "field": p.path} for p in found]
    details = {key: value for key, value in about.items() if value}
    message = f'{qualified} "{about.get("name", "")}" is invalid: {text}'
    return ApiError("Invalid", message, {**details, "causes": causes})
