"""What every way to authenticate a bearer token has in common: the question, the answer, the refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from podo.authn.user import User


class Rejected(Exception):
    """The token is not believed; the message says why, for the log."""


class Whose(NamedTuple):
    """``audiences``: those asked for that the token is meant for."""

    user: User
    audiences: tuple[str, ...]


class TokenMethod(Protocol):
    def knows(self, token: str) -> bool:
        """Is the token of a form that this method may believe? Quick; says nothing of its truth."""

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """The user of a token meant for one of ``audiences`` (none: the API server). Raises Rejected."""
