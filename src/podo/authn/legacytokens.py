"""Tokens in Secrets of type kubernetes.io/service-account-token: without an end, good as long as the account exists and
the Secret holds exactly this token.

Source: "Manually manage long-lived API tokens" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Any

import orjson

from podo.api import registry
from podo.api.kind import Obj
from podo.authn.user import AUTHENTICATED, User, account_groups, account_name
from podo.storage.contract import Store
from podo.values import timestamp

ISSUER = "kubernetes/serviceaccount"
_PREFIX = "kubernetes.io/serviceaccount/"
INVALID_SINCE, LAST_USED = "kubernetes.io/legacy-token-invalid-since", "kubernetes.io/legacy-token-last-used"
DAY = 24 * 3600.0

#: Told the Secret of a token that is used, and the day, where the Secret does not say so yet.
NoteUse = Callable[[Obj, str], None]


class NotBelieved(Exception):
    """The token is not (or no longer) good; the message says why."""


def claims_of(account: Obj, secret: Obj) -> dict[str, Any]:
    """What the token of an account in a Secret says."""
    found = account["metadata"]
    return {
        "iss": ISSUER,
        "sub": account_name(found["namespace"], found["name"]),
        f"{_PREFIX}namespace": found["namespace"],
        f"{_PREFIX}secret.name": secret["metadata"]["name"],
        f"{_PREFIX}service-account.name": found["name"],
        f"{_PREFIX}service-account.uid": found["uid"],
    }


async def user_of(store: Store, claims: dict[str, Any], token: str, now: float, note: NoteUse | None = None) -> User:
    """Whose a token with a good signature is. Raises NotBelieved."""
    said = [claims.get(_PREFIX + field) for field in ("namespace", "secret.name", "service-account.name")]
    uid = claims.get(f"{_PREFIX}service-account.uid")
    if not all(isinstance(one, str) and one for one in (*said, uid)):
        raise NotBelieved("the token's claims are not those of a service account")
    namespace, secret_name, name = map(str, said)
    secret = await _there(store, "Secret", namespace, secret_name)
    held = base64.b64decode((secret.get("data") or {}).get("token") or "")
    if not hmac.compare_digest(held, token.encode()):
        raise NotBelieved(f"Secret {namespace}/{secret_name} holds another token")
    account = await _there(store, "ServiceAccount", namespace, name)
    if account["metadata"].get("uid") != uid:
        raise NotBelieved(f"ServiceAccount {namespace}/{name} is not the one of the token")
    labels = secret["metadata"].get("labels") or {}
    if note is not None and labels.get(LAST_USED) not in (timestamp.day(now), timestamp.day(now + DAY)):
        note(secret, timestamp.day(now))  # of one that is not believed too: somebody still needs it
    if labels.get(INVALID_SINCE):
        raise NotBelieved(
            f"the token in secret {namespace}/{secret_name} for service account {namespace}/{name} has been marked "
            "invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the "
            f"'{INVALID_SINCE}' label from the secret to temporarily allow use of this token"
        )
    return User(account_name(namespace, name), (*account_groups(namespace), AUTHENTICATED), str(uid))


async def _there(store: Store, kind: str, namespace: str, name: str) -> Obj:
    record = await store.get(registry.named(kind).key(namespace, name))
    found: Obj = orjson.loads(record.value) if record else {"metadata": {}}
    if record is None or "deletionTimestamp" in found["metadata"]:
        raise NotBelieved(f"{kind} {namespace}/{name} of the token does not exist")
    return found
