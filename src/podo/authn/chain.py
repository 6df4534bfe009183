"""Bearer tokens: whoever knows the form of a token is asked, in order, until one believes it."""

from __future__ import annotations

from collections.abc import Sequence

from podo.authn.method import Rejected, TokenMethod, Whose


class TokenChain:
    """A ``method.TokenMethod`` of several, each asked only for tokens of its form."""

    def __init__(self, *methods: TokenMethod) -> None:
        self._methods = methods

    def knows(self, token: str) -> bool:
        return any(method.knows(token) for method in self._methods)

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """Raises Rejected with the reasons of all who were asked."""
        reasons = []
        for method in self._methods:
            if method.knows(token):
                try:
                    return await method.authenticate(token, audiences)
                except Rejected as refused:
                    reasons.append(str(refused))
        raise Rejected("; ".join(reasons) or "invalid bearer token: nobody knows its form")
