"""What an API server is told of authentication, beside its own tokens and certificates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podo.authn.authentication import Anonymous

if TYPE_CHECKING:
    from podo.authn.jwt.claims import Claims  # brings CEL
    from podo.authn.jwt.wire import Issuer
    from podo.authn.tokenfile import Tokens
    from podo.client.kubeconfig import Access


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """An issuer of JSON Web Tokens, and what is made of its claims."""

    issuer: Issuer
    claims: Claims


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    """``anonymous`` None: as by default. ``webhook``: the server that is asked about tokens nobody else knows.
    ``static``: see ``authn.tokenfile``."""

    jwt: tuple[JwtSettings, ...] = ()
    anonymous: Anonymous | None = None
    webhook: Access | None = field(default=None, repr=False)
    static: Tokens = field(default_factory=dict, repr=False)
