"""Service-account tokens: what one says, and whose it is as long as the account (and what it is bound to) exists.

Source: "Managing Service Accounts" of the Kubernetes documentation; KEP-1205 (bound tokens), KEP-4193 (node
and credential id).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from podo.api import registry
from podo.api.kind import Obj
from podo.authn import legacytokens
from podo.authn.keys import BadToken, TokenKeys, peek
from podo.authn.method import Rejected, Whose
from podo.authn.user import AUTHENTICATED, User, account_groups, account_name
from podo.runtime.clock import Clock
from podo.storage.contract import Store
from podo.values import timestamp

ISSUER = "https://kubernetes.default.svc.cluster.local"
#: A deleted account or pod is believed for so long, so that it can end in order.
LEEWAY_SECONDS = 60.0
#: A year: what a pod's own token really lives, for clients that do not read it again (KEP-1205).
EXTENDED_SECONDS = 365 * 24 * 3600
#: The life that the kubelet asks for where extension is wanted.
MARKED_SECONDS = 3607
_KINDS = {"pod": "Pod", "secret": "Secret", "node": "Node"}
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token is bound to. ``kind``: "pod", "secret" or "node"."""

    kind: str
    name: str
    uid: str


class _Metadata(msgspec.Struct):
    uid: str = ""
    deletionTimestamp: str | None = None


class _Object(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


_decode = msgspec.json.Decoder(_Object).decode


class TokenAuthenticator:
    """Makes tokens and tells whose they are. ``issuer`` is also the audience of the API server itself."""

    def __init__(self, store: Store, keys: TokenKeys, clock: Clock, issuer: str = ISSUER) -> None:
        self._store = store
        self._clock = clock
        self.keys = keys
        self.issuer = issuer
        self.audiences = (issuer,)
        #: Told of the use of legacy tokens; nobody is, where nobody keeps their Secrets' labels.
        self.note_use: legacytokens.NoteUse | None = None
        self._verified: dict[str, dict[str, Any]] = {}  # a signature is checked once; the rest every time

    # Making

    def issue(
        self, account: Obj, audiences: Sequence[str], seconds: int, token_id: str, bound: Sequence[Bound] = ()
    ) -> tuple[str, float]:
        """A token of a service account and the time (seconds) at which its owner should take it as expired."""
        now = int(self._clock.now())
        found = account["metadata"]
        claims = self._claims(found["namespace"], found["name"], found["uid"], bound)
        life = seconds
        if seconds == MARKED_SECONDS and tuple(audiences) == self.audiences and any(b.kind == "pod" for b in bound):
            life = EXTENDED_SECONDS
            claims["kubernetes.io"]["warnafter"] = now + seconds
        claims |= {"aud": list(audiences), "iat": now, "nbf": now, "exp": now + life, "jti": token_id}
        return self.keys.sign(claims), now + seconds

    def issue_legacy(self, account: Obj, secret: Obj) -> str:
        """The token for a Secret of type kubernetes.io/service-account-token."""
        return self.keys.sign(legacytokens.claims_of(account, secret))

    def _claims(self, namespace: str, name: str, uid: str, bound: Sequence[Bound]) -> dict[str, Any]:
        private: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}}
        for one in bound:
            private[one.kind] = {"name": one.name, "uid": one.uid}
        return {"iss": self.issuer, "sub": account_name(namespace, name), "kubernetes.io": private}

    # Believing

    def knows(self, token: str) -> bool:
        return token in self._verified or peek(token).get("iss") in (self.issuer, legacytokens.ISSUER)

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """The user of a token that is meant for one of ``audiences`` (none: the API server). Raises Rejected."""
        claims = self._verify(token)
        if claims.get("iss") == legacytokens.ISSUER:
            return await self._legacy(claims, token, audiences)
        meant = _intersection(claims.get("aud"), audiences or self.audiences)
        self._check_times(claims)
        if claims.get("iss") != self.issuer:
            raise Rejected("the token is of another issuer")
        if not meant:
            raise Rejected(f"token audiences {claims.get('aud')} is invalid for the target audiences")
        try:
            private = claims["kubernetes.io"]
            namespace, account = private["namespace"], private["serviceaccount"]
            await self._check_there("ServiceAccount", namespace, account["name"], account["uid"])
            for key, kind in _KINDS.items():
                if (bound := private.get(key)) and not (key == "node" and "pod" in private):
                    await self._check_there(kind, namespace, bound["name"], bound["uid"])
            return Whose(_user(claims, private), meant)
        except (KeyError, TypeError, AttributeError):
            raise Rejected("the token's claims are not those of a service account") from None

    async def _legacy(self, claims: dict[str, Any], token: str, audiences: Sequence[str]) -> Whose:
        """A token without an audience is meant for the API server only."""
        meant = _intersection(list(self.audiences), audiences or self.audiences)
        if not meant:
            raise Rejected("token audiences are invalid for the target audiences")
        try:
            now = self._clock.now()
            return Whose(await legacytokens.user_of(self._store, claims, token, now, self.note_use), meant)
        except legacytokens.NotBelieved as why:
            raise Rejected(str(why)) from None

    def _verify(self, token: str) -> dict[str, Any]:
        claims = self._verified.get(token)
        if claims is None:
            try:
                claims = self.keys.verify(token)
            except BadToken as wrong:
                raise Rejected(f"invalid bearer token: {wrong}") from None
            if len(self._verified) >= _KEPT:
                self._verified.clear()
            self._verified[token] = claims
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        now = self._clock.now()
        if not isinstance(expires, int) or not isinstance(begins, int):
            raise Rejected("the token's claims are not those of a service account")
        if now >= expires:
            raise Rejected("service account token has expired")
        if now < begins - LEEWAY_SECONDS:
            raise Rejected("service account token is not valid yet")

    async def _check_there(self, kind: str, namespace: str, name: str, uid: str) -> None:
        found = registry.named(kind)
        record = await self._store.get(found.key(namespace, name))
        known = _decode(record.value).metadata if record else None
        if known is None or known.uid != uid:
            raise Rejected(f"{kind} {namespace}/{name} of the token does not exist")
        if known.deletionTimestamp and timestamp.parse(known.deletionTimestamp) + LEEWAY_SECONDS < self._clock.now():
            raise Rejected(f"{kind} {namespace}/{name} of the token has been deleted")


def _intersection(said: object, wanted: Sequence[str]) -> tuple[str, ...]:
    named = said if isinstance(said, list) else [said]
    return tuple(one for one in wanted if one in named)


_EXTRA = "authentication.kubernetes.io/"


def _user(claims: dict[str, Any], private: dict[str, Any]) -> User:
    namespace, account = private["namespace"], private["serviceaccount"]
    extra = {f"{_EXTRA}credential-id": (f"JTI={claims.get('jti', '')}",)}
    for key in ("node", "pod"):
        if bound := private.get(key):
            extra[f"{_EXTRA}{key}-name"] = (bound["name"],)
            extra[f"{_EXTRA}{key}-uid"] = (bound["uid"],)
    groups = (*account_groups(namespace), AUTHENTICATED)
    return User(account_name(namespace, account["name"]), groups, account["uid"], tuple(sorted(extra.items())))
