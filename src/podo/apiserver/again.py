"""Requests that are carried out again from the start, because an authorization webhook had first to be asked.

Until then nothing has been written, so beginning again changes nothing; only the body has been read already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from podo.api.errors import ApiError
from podo.authz.attributes import Unanswered
from podo.http.message import Request

#: Questions to webhooks for one request, those of admission and of impersonation among them.
MOST_QUESTIONS = 64
T = TypeVar("T")


class Repeatable:
    """A request whose body can be read more than once."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._body: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    async def body(self, limit: int) -> bytes:
        if self._body is None:
            self._body = await self._request.body(limit)
        return self._body


async def until_answered(attempt: Callable[[], Awaitable[T]]) -> T:
    """What ``attempt`` gives once everything it depends on has been asked. Raises ApiError after too many questions."""
    for _ in range(MOST_QUESTIONS):
        try:
            return await attempt()
        except Unanswered as question:
            await question.ask()
    raise ApiError(
        "InternalError", f"authorization webhooks were asked {MOST_QUESTIONS} questions and it was not enough"
    )
