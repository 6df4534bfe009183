"""The ways to authenticate that an API server has, put together from its settings."""

from __future__ import annotations

from podo.apiserver.backend import Backend
from podo.authn.authentication import Authentication
from podo.authn.bootstraptokens import BootstrapTokens
from podo.authn.chain import TokenChain
from podo.authn.frontproxy import FrontProxy
from podo.authn.method import TokenMethod
from podo.authn.settings import AuthenticationSettings


def authentication_of(backend: Backend, settings: AuthenticationSettings) -> Authentication:
    """What is not configured is not imported either: issuers bring CEL with them."""
    accounts = backend.tokens
    audiences, clock = accounts.audiences, backend.clock
    methods: list[TokenMethod] = [accounts, BootstrapTokens(backend.store, clock, audiences)]
    if settings.static:
        from podo.authn.tokenfile import StaticTokens

        methods.insert(0, StaticTokens(settings.static, audiences))
    if settings.jwt:
        from podo.authn.jwt.issuer import JwtIssuer

        methods += [JwtIssuer(one, clock, audiences) for one in settings.jwt]
    proxy = FrontProxy(ca) if (ca := backend.config.front_proxy_ca) else None
    if settings.webhook is None:
        return Authentication(TokenChain(*methods), clock, settings.anonymous, proxy)
    from podo.authn.webhook import TokenWebhook

    webhook = TokenWebhook(settings.webhook, clock, audiences)
    return Authentication(TokenChain(*methods, webhook), clock, settings.anonymous, proxy, webhook.close)
