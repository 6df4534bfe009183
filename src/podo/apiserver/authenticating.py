"""The ways to authenticate that an API server has, put together from its settings."""

from __future__ import annotations

from podo.apiserver.backend import Backend
from podo.authn.authentication import Authentication
from podo.authn.bootstraptokens import BootstrapTokens
from podo.authn.chain import TokenChain
from podo.authn.frontproxy import FrontProxy
from podo.authn.method import TokenMethod


def authentication_of(backend: Backend) -> Authentication:
    """What is not configured is not imported either: issuers bring CEL with them."""
    accounts, settings = backend.tokens, backend.config.authentication
    audiences, clock = accounts.audiences, backend.clock
    methods: list[TokenMethod] = [accounts, BootstrapTokens(backend.store, clock, audiences)]
    if settings.jwt:
        from podo.authn.jwt.issuer import JwtIssuer

        methods += [JwtIssuer(one, clock, audiences) for one in settings.jwt]
    if settings.webhook is not None:
        from podo.authn.webhook import TokenWebhook

        methods.append(TokenWebhook(settings.webhook, clock, audiences))
    ca = backend.config.front_proxy_ca
    return Authentication(TokenChain(*methods), settings.anonymous, FrontProxy(ca) if ca else None)
