"""A write to an object that is not there and that creates it then: by an apply, and by a PUT of some kinds.

Whoever asks must be allowed to create as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from podo.api.errors import ApiError, conflict
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import ATTEMPTS
from podo.apiserver.stamping import CHANGED

Write = Callable[[], Awaitable[Written]]


async def change_or_create(call: Call, change: Write, create: Write) -> Written:
    """``change()``; ``create()`` where the object is not there, and again from the start if another was quicker.

    Raises Conflict where others create and delete it all the time, and what the two raise.
    """
    for _ in range(ATTEMPTS):
        try:
            return await change()
        except ApiError as refusal:
            if not _is_about(call, refusal, "NotFound"):
                raise
        try:
            return await create()
        except ApiError as refusal:
            if not _is_about(call, refusal, "AlreadyExists"):
                raise
    raise conflict(call.kind, call.name, CHANGED)


def check_may_create(call: Call) -> None:
    """Raises MethodNotAllowed, Forbidden."""
    if "create" not in call.kind.verbs:
        raise ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource")
    if call.authorize:
        call.authorize(replace(call, verb="create"))


def _is_about(call: Call, refusal: ApiError, reason: str) -> bool:
    """Is the object itself, not its namespace or what else admission looks at, not there (or there already)?"""
    about = refusal.details or {}
    return refusal.reason == reason and about.get("kind") == call.kind.plural and about.get("name") == call.name
