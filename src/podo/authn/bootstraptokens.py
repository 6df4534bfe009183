"""Authentication by bootstrap token: ``abcdef.0123456789abcdef`` is user ``system:bootstrap:abcdef`` as long as its
Secret in kube-system says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import orjson

from podo.api import registry
from podo.authn import bootstrapsecret
from podo.authn.bootstrapsecret import AUTHENTICATION, GROUP, NAMESPACE, PREFIX, TOKEN
from podo.authn.method import Rejected, Whose
from podo.authn.user import AUTHENTICATED, User
from podo.runtime.clock import Clock
from podo.storage.contract import Store


class BootstrapTokens:
    """A ``method.TokenMethod``. ``audiences``: the API server's own, for which such a token is."""

    def __init__(self, store: Store, clock: Clock, audiences: Sequence[str]) -> None:
        self._store = store
        self._clock = clock
        self._audiences = tuple(audiences)

    def knows(self, token: str) -> bool:
        return TOKEN.fullmatch(token) is not None

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """Raises Rejected."""
        identity, _, secret = token.partition(".")
        meant = tuple(one for one in audiences or self._audiences if one in self._audiences)
        record = await self._store.get(registry.named("Secret").key(NAMESPACE, PREFIX + identity))
        if record is None or not meant:
            raise Rejected(f"no bootstrap token {identity} for these audiences")
        try:
            found = bootstrapsecret.read(orjson.loads(record.value), AUTHENTICATION, self._clock.now())
        except bootstrapsecret.Unusable as why:
            raise Rejected(f"bootstrap token {identity}: {why}") from None
        if not hmac.compare_digest(found.secret, secret.encode()):
            raise Rejected(f"bootstrap token {identity}: the secret is another")
        return Whose(User(found.user, (*found.groups, GROUP, AUTHENTICATED)), meant)
