"""What an API server's answers over HTTP tell: the events of a watch, errors, revisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from podo.api.errors import ApiError
from podo.client.contract import Batch, Event
from podo.http.exchange import Answer, NoAnswer, Stream

#: Reasons for codes whose answer carries no Status (a proxy's, say).
_REASON_OF_CODE = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "Timeout",
}
#: Longest line of a watch; an object is at most 3 MiB.
_LINE = 16 * 1024 * 1024


async def events_of(stream: Stream) -> AsyncIterator[Batch]:
    """The lines of a watch, those that arrived together in one batch."""
    rest = b""
    async for piece in stream:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        if len(rest) > _LINE:
            raise NoAnswer("a line of the watch is too long")
        if batch := [_event(line) for line in lines if line]:
            # An error ends the watch, after what came before it.
            error = next((at for at, event in enumerate(batch) if event.type == "ERROR"), len(batch))
            if error:
                yield batch[:error]
            if error < len(batch):
                raise ApiError.from_status(batch[error].object)


def _event(line: bytes) -> Event:
    try:
        found = orjson.loads(line)
        return Event(found["type"], found["object"])
    except (ValueError, KeyError, TypeError) as wrong:
        raise NoAnswer(f"not a watch event: {wrong}") from wrong


def failure_of(answer: Answer) -> ApiError:
    """The error an answer tells."""
    try:
        status = orjson.loads(answer.body)
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return ApiError.from_status({"code": answer.status, **status})
    text = answer.body[:512].decode("utf-8", "replace").strip() or f"the server answered {answer.status}"
    return ApiError(_REASON_OF_CODE.get(answer.status, "InternalError"), text, code=answer.status)


def revision_of(found: Mapping[str, Any]) -> int:
    text = str(found.get("resourceVersion") or "0")
    return int(text) if text.isdigit() else 0
