"""Authentication by a server of the administrator: it is asked by a TokenReview whose a bearer token is; what it says
is kept for two minutes.

Source: "Webhook Token Authentication" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from podo.authn.keys import MAX_TOKEN
from podo.authn.method import Rejected, Whose
from podo.authn.user import AUTHENTICATED, User
from podo.client.kubeconfig import Access
from podo.client.reviewing import NoReview, Reviewer
from podo.runtime.clock import Clock

KEPT_SECONDS = 120.0
_KEPT = 10_000


class TokenWebhook:
    """A ``method.TokenMethod`` that knows every token. ``audiences``: those of the API server itself."""

    def __init__(self, access: Access, clock: Clock, audiences: Sequence[str], kept: float = KEPT_SECONDS) -> None:
        self._reviewer = Reviewer(access)
        self._clock = clock
        self._audiences = tuple(audiences)
        self._kept_seconds = kept
        #: By token (its hash: none is kept) and audiences, until when: whose, or why nobody's.
        self._known: OrderedDict[tuple[bytes, tuple[str, ...]], tuple[float, Whose | str]] = OrderedDict()

    def knows(self, token: str) -> bool:
        return 0 < len(token) <= MAX_TOKEN

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """Raises Rejected."""
        wanted = tuple(audiences or self._audiences)
        key = sha256(token.encode()).digest(), wanted
        until, found = self._known.get(key, (0.0, ""))
        if until <= self._clock.monotonic():
            found = await self._ask(token, wanted)
            self._keep(key, found)
        if isinstance(found, str):
            raise Rejected(found)
        return found

    def _keep(self, key: tuple[bytes, tuple[str, ...]], found: Whose | str) -> None:
        self._known.pop(key, None)
        self._known[key] = self._clock.monotonic() + self._kept_seconds, found
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    async def _ask(self, token: str, wanted: tuple[str, ...]) -> Whose | str:
        """Failures are not kept: they are raised."""
        spec = {"token": token, "audiences": list(wanted)}
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            status = (await self._reviewer.ask(review))["status"]
        except NoReview as failure:
            raise Rejected(f"webhook: {failure}") from None
        if status.get("authenticated") is not True:
            return f"webhook: {status.get('error') or 'the token is not believed'}"
        try:
            return self._whose(status, wanted)
        except (AttributeError, TypeError):
            return "webhook: the review does not have the form of a TokenReview"

    def _whose(self, status: dict[str, Any], wanted: tuple[str, ...]) -> Whose | str:
        meant = tuple(one for one in wanted if one in (status.get("audiences") or self._audiences))
        found = status.get("user") or {}
        name, groups, extra = found.get("username"), found.get("groups") or [], found.get("extra") or {}
        if not isinstance(name, str) or not isinstance(groups, list) or not isinstance(extra, dict) or not meant:
            return "webhook: the review names no user, or is not for these audiences"
        if AUTHENTICATED not in groups:
            groups = [*groups, AUTHENTICATED]
        known = tuple(sorted((str(key), tuple(map(str, values or ()))) for key, values in extra.items()))
        return Whose(User(name, tuple(map(str, groups)), str(found.get("uid") or ""), known), meant)

    def close(self) -> None:
        self._reviewer.close()
