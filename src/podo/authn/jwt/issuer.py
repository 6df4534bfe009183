"""Authentication by a JSON Web Token (OpenID Connect ID token) of an issuer that the configuration names.

Source: "OpenID Connect Tokens" of the Kubernetes documentation; OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeGuard

from podo.authn.jwt.keyset import KeySet, NoKeys
from podo.authn.jwt.signatures import ALGORITHMS, fitting
from podo.authn.keys import BadToken, peek, taken_apart
from podo.authn.method import Rejected, Whose
from podo.authn.settings import JwtSettings
from podo.authn.user import User
from podo.runtime.clock import Clock
from podo.runtime.slices import in_slices
from podo.values import timestamp

#: A token may begin so much later than now: the issuer's clock is ahead. Its end is its end.
NOT_BEFORE_LEEWAY_SECONDS = 300.0


class JwtIssuer:
    """A ``method.TokenMethod``. ``audiences``: those of the API server itself."""

    def __init__(self, settings: JwtSettings, clock: Clock, audiences: Sequence[str]) -> None:
        self._issuer = settings.issuer
        self._claims = settings.claims
        self._clock = clock
        self._audiences = tuple(audiences)
        self._keys = KeySet(settings.issuer, clock)

    def knows(self, token: str) -> bool:
        return peek(token).get("iss") == self._issuer.url

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """Raises Rejected."""
        meant = tuple(one for one in audiences or self._audiences if one in self._audiences)
        if not meant:
            raise Rejected("token audiences are invalid for the target audiences")
        try:
            head, claims, signature = taken_apart(token)
        except BadToken as wrong:
            raise Rejected(str(wrong)) from None
        await self._verify(head, token.rpartition(".")[0].encode(), signature)
        self._check(claims)
        user = await in_slices(partial(self._claims.user_of, claims))  # whose expressions may work for seconds
        return Whose(_with_credential(user, claims.get("jti")), meant)

    async def _verify(self, head: dict[str, Any], said: bytes, signature: bytes) -> None:
        algorithm = head.get("alg")
        if algorithm not in ALGORITHMS or "crit" in head:
            raise Rejected(f"oidc: id token signed with unsupported algorithm {algorithm!r}")
        name = head.get("kid")
        try:
            keys = await self._keys.keys(name if isinstance(name, str) else "")
        except NoKeys as failure:
            raise Rejected(f"oidc: {failure}") from None
        if not any(key.verifies(algorithm, said, signature) for key in fitting(keys, head)):
            raise Rejected("oidc: failed to verify signature: no key of the issuer has signed it")

    def _check(self, claims: dict[str, Any]) -> None:
        now, expires, begins = self._clock.now(), claims.get("exp"), claims.get("nbf", 0)
        if claims.get("iss") != self._issuer.url:
            raise Rejected("oidc: the token is of another issuer")
        if not _is_number(expires) or not _is_number(begins):
            raise Rejected("oidc: exp or nbf is no number")
        if now >= expires:
            raise Rejected(f"oidc: token is expired (Token Expiry: {_shown(expires)})")
        if now + NOT_BEFORE_LEEWAY_SECONDS < begins:
            raise Rejected("oidc: current time before the nbf (not before) time")
        said = claims.get("aud")
        named = said if isinstance(said, list) else [said]
        if not any(one in self._issuer.audiences for one in named):
            raise Rejected(f"oidc: expected audience in {list(self._issuer.audiences)} got {named}")


def _with_credential(user: User, token_id: Any) -> User:
    """The token's id, where it has one, is the id of the credential (KEP-4193)."""
    key = "authentication.kubernetes.io/credential-id"
    if not isinstance(token_id, str) or not token_id:
        return user
    return User(user.name, user.groups, user.uid, tuple(sorted((*user.extra, (key, (f"JTI={token_id}",))))))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(seconds: float) -> str:
    try:
        return timestamp.time(seconds)
    except (ValueError, OverflowError, OSError):
        return str(seconds)
