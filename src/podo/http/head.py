"""Heads of HTTP/1.1 answers as bytes, and the Status bodies of refusals that the server itself makes.

The head carries no Date and no Server: nothing that a Kubernetes client reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

#: Refusals that need no handler: HTTP code -> metav1.StatusReason.
_REASONS = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "Timeout",
    413: "RequestEntityTooLarge",
    500: "InternalError",
    502: "ServiceUnavailable",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def refusal(code: int, message: str) -> bytes:
    """A ``metav1.Status`` of a request that never reached a handler, or that broke one."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, ""),
        "code": code,
    }
    return json.dumps(status).encode()


@lru_cache(maxsize=512)
def _start(status: int, content_type: str) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    start = f"HTTP/1.1 {status} {phrase}\r\n"
    if content_type:
        start += header_line("Content-Type", content_type)
    return start.encode("latin-1")


def header_line(name: str, value: str) -> str:
    """One header line; ValueError for what would break out of it (RFC 9110, 5.5)."""
    if "\r" in value or "\n" in value or "\0" in value or not name or any(c in name for c in "\r\n: \0"):
        raise ValueError(f"not a header: {name!r}: {value!r}")
    return f"{name}: {value}\r\n"


#: Header values up to this length are remembered as lines: many answers have the same ones.
SHORT = 64
_short_line = lru_cache(maxsize=512)(header_line)


def _line(name: str, value: str) -> str:
    return _short_line(name, value) if len(value) <= SHORT else header_line(name, value)


def response_head(
    status: int, content_type: str, headers: Sequence[tuple[str, str]], framing: bytes, close: bool
) -> bytes:
    """The head of an answer. ``framing`` is the header line that says how long the body is (or b"")."""
    head = _start(status, content_type)
    if headers:
        head += "".join([_line(name, value) for name, value in headers]).encode("latin-1", "replace")
    if close:
        return b"%bConnection: close\r\n%b\r\n" % (head, framing)
    return b"%b%b\r\n" % (head, framing)


def bodiless(status: int) -> bool:
    """Statuses whose answers have no body and no Content-Length (RFC 9110, 8.6)."""
    return status in (204, 304) or status < 200
