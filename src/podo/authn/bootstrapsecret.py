"""What a Secret of type bootstrap.kubernetes.io/token says, and whether it may be used: fields, expiry and usages.

Source: "Authenticating with Bootstrap Tokens" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.values import timestamp

TYPE, NAMESPACE, PREFIX = "bootstrap.kubernetes.io/token", "kube-system", "bootstrap-token-"
#: A token as it is shown and sent: its id, which is public, and its secret.
TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
GROUP = "system:bootstrappers"
AUTHENTICATION, SIGNING = "usage-bootstrap-authentication", "usage-bootstrap-signing"
_GROUP_FORM = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class Unusable(ValueError):
    """The Secret is no token that may be used; the message says why, without its secret."""


@dataclass(frozen=True, slots=True)
class BootstrapToken:
    """``expires``: seconds since the epoch, None for never. ``groups``: beside ``system:bootstrappers``."""

    id: str
    secret: bytes
    groups: tuple[str, ...] = ()
    expires: float | None = None

    @property
    def user(self) -> str:
        return f"system:bootstrap:{self.id}"


def value_of(secret: Obj, key: str) -> bytes:
    """The decoded value of a key, b"" where there is none or it is no base64."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "", validate=True)
    except binascii.Error:
        return b""


def text_of(secret: Obj, key: str) -> str:
    return value_of(secret, key).decode("utf-8", "replace")


def expiry_of(secret: Obj, now: float) -> float | None:
    """When the token expires; one that cannot be read has expired ``now``."""
    text = text_of(secret, "expiration")
    if not text:
        return None
    try:
        return timestamp.parse(text)
    except ValueError:
        return now


def read(secret: Obj, usage: str, now: float) -> BootstrapToken:
    """The token, if it may be used so. Raises Unusable."""
    if secret.get("type") != TYPE or "deletionTimestamp" in secret["metadata"]:
        raise Unusable("it is being deleted, or of another type")
    identity, held = text_of(secret, "token-id"), value_of(secret, "token-secret")
    if not held or not identity or name_of(secret) != PREFIX + identity:
        raise Unusable("token-id or token-secret is missing, or the name does not end in the id")
    expires = expiry_of(secret, now)
    if expires is not None and expires <= now:
        raise Unusable("it has expired")
    if value_of(secret, usage) != b"true":
        raise Unusable(f"{usage} is not true")
    return BootstrapToken(identity, held, _groups(text_of(secret, "auth-extra-groups")), expires)


def _groups(text: str) -> tuple[str, ...]:
    groups = sorted({part.strip() for part in text.split(",")}) if text else []
    for group in groups:
        if not _GROUP_FORM.fullmatch(group):
            raise Unusable(f"group {group!r} of auth-extra-groups does not have the form {_GROUP_FORM.pattern}")
    return tuple(groups)
