"""OpenID discovery of the service-account issuer, so that others can check the tokens: configuration and keys.

Source: "Service account issuer discovery" of the Kubernetes documentation; OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

from podo.api.encoding import dumps
from podo.authn.tokens import TokenAuthenticator
from podo.http.message import Response

ROOTS = (".well-known", "openid")
CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"


def openid_answer(path: str, tokens: TokenAuthenticator, host: str) -> Response | None:
    """The answer of one of the two paths; None for others. ``host``: where this server was reached."""
    if path == KEYS:
        return Response(200, dumps(tokens.keys.jwks()), "application/jwk-set+json")
    if path != CONFIGURATION:
        return None
    found = {
        "issuer": tokens.issuer,
        "jwks_uri": f"https://{host}{KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
    return Response(200, dumps(found))
