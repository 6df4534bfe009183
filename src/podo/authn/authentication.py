"""Who sends a request: the front proxy's word, the certificate, the bearer token, in this order; with none of them it
is anonymous.

Source: "Authenticating" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from podo.authn import clientcert, websockettoken
from podo.authn.frontproxy import FrontProxy
from podo.authn.method import Rejected, TokenMethod
from podo.authn.user import ANONYMOUS, User
from podo.http.message import Request
from podo.runtime.clock import Clock


class Unauthorized(Exception):
    """The request shows credentials that are not believed, or none where some are needed. The message is for the
    log."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """May requests come without credentials? ``paths``: only these; None: all."""

    enabled: bool = True
    paths: frozenset[str] | None = None

    def allows(self, path: str) -> bool:
        return self.enabled and (self.paths is None or path in self.paths)


class Authentication:
    """``tokens`` believes bearer tokens; ``proxy`` is None where nobody may speak for others. ``release`` lets go of
    the servers that are asked about tokens."""

    def __init__(
        self,
        tokens: TokenMethod,
        clock: Clock,
        anonymous: Anonymous | None = None,
        proxy: FrontProxy | None = None,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.tokens = tokens
        self._clock = clock
        self._anonymous = anonymous or Anonymous()
        self._proxy = proxy
        self.close = release

    async def user_of(self, request: Request) -> User:
        """Raises Unauthorized."""
        certificate = request.peer.certificate
        if certificate is not None:
            if self._clock.now() >= clientcert.end_of(certificate, request.peer.notes):
                raise Unauthorized("the client certificate has expired since the connection began")
            if self._proxy is not None and self._proxy.made(request.peer):
                return self._proxied(request, self._proxy)
            user = clientcert.authenticate(certificate, request.peer.notes)
            if user is not None:
                return user
        credentials = request.headers.get("authorization")
        if credentials is not None:
            return await self._bearer(credentials)
        if "sec-websocket-protocol" in request.headers and (token := websockettoken.token_of(request)):
            return await self._bearer(f"Bearer {token}")
        if not self._anonymous.allows(request.path):
            raise Unauthorized("anonymous requests are not allowed")
        return ANONYMOUS

    def _proxied(self, request: Request, proxy: FrontProxy) -> User:
        user = proxy.user_of(request)
        if user is None:  # its authority makes no users
            raise Unauthorized("the front proxy's authority has signed the certificate, and no user is named")
        return user

    async def _bearer(self, credentials: str) -> User:
        scheme, _, token = credentials.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized(f"authentication scheme {scheme[:32]!r} is not known")
        try:
            return (await self.tokens.authenticate(token.strip())).user
        except Rejected as refused:
            raise Unauthorized(str(refused)) from None
