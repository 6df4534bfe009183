"""The ways to authenticate that an API server has, put together from its settings."""

from __future__ import annotations

from podo.apiserver.backend import Backend
from podo.authn.authentication import Authentication
from podo.authn.bootstraptokens import BootstrapTokens
from podo.authn.chain import TokenChain
from podo.authn.frontproxy import FrontProxy


def authentication_of(backend: Backend) -> Authentication:
    accounts = backend.tokens
    bootstrap = BootstrapTokens(backend.store, backend.clock, accounts.audiences)
    ca = backend.config.front_proxy_ca
    return Authentication(TokenChain(accounts, bootstrap), proxy=FrontProxy(ca) if ca else None)
