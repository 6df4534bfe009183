"""The key that signs service-account tokens, and the keys whose signatures are believed: JWS with ES256 only.

``cryptography`` alone is enough for one algorithm: a JWT library would add the choice of algorithms, which is where
such libraries have failed. Sources: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 section 3.4 (ES256: r and s, each of
32 bytes).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

#: No token is longer; one that is bound to a pod has about 1,200 characters.
MAX_TOKEN = 16_384
_COORDINATE = 32


class BadToken(ValueError):
    """Not a token that one of the keys has signed."""


class TokenKeys:
    """``pem``: the private key (P-256, PKCS 8); without one, one is made at its first use and lost at the end.

    ``others``: public keys (PEM) that were used before and are still believed.
    """

    def __init__(self, pem: bytes | None = None, others: Sequence[bytes] = ()) -> None:
        self._pem = pem
        self._others = others

    @cached_property
    def _private(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if self._pem is None:
            return ec.generate_private_key(ec.SECP256R1())
        return load_pem_private_key(self._pem, None)

    @cached_property
    def _believed(self) -> dict[str, Any]:
        """Key id -> public key."""
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        keys = [self._private.public_key(), *(load_pem_public_key(pem) for pem in self._others)]
        return {_key_id(key): key for key in keys}

    @cached_property
    def _head(self) -> str:
        return _encoded(orjson.dumps({"alg": "ES256", "kid": _key_id(self._private.public_key())}))

    def sign(self, claims: dict[str, Any]) -> str:
        """The token (compact serialization) that says ``claims``."""
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        said = f"{self._head}.{_encoded(orjson.dumps(claims))}"
        r, s = decode_dss_signature(self._private.sign(said.encode(), ec.ECDSA(SHA256())))
        return f"{said}.{_encoded(r.to_bytes(_COORDINATE, 'big') + s.to_bytes(_COORDINATE, 'big'))}"

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature. Raises BadToken. Times are not looked at."""
        head, claims, signature = taken_apart(token)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        key = self._believed.get(str(head.get("kid", ""))) if head.get("alg") == "ES256" else None
        if key is None or len(signature) != 2 * _COORDINATE:
            raise BadToken("no key of this cluster has signed it")
        r, s = (int.from_bytes(half, "big") for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
        try:
            key.verify(encode_dss_signature(r, s), token.rpartition(".")[0].encode(), ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise BadToken("the signature is wrong") from None
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public keys, as a JWK set."""
        return {"keys": [_jwk(name, key) for name, key in self._believed.items()]}


def taken_apart(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Head, claims and signature of a token; nothing is verified. Raises BadToken."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or not token.isascii():
        raise BadToken("not a JSON Web Token")
    try:
        head, claims = orjson.loads(_decoded(parts[0])), orjson.loads(_decoded(parts[1]))
        signature = _decoded(parts[2])
    except ValueError:
        raise BadToken("not a JSON Web Token") from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise BadToken("not a JSON Web Token")
    return head, claims, signature


def peek(token: str) -> dict[str, Any]:
    """What a token claims, whoever signed it; {} for what is no JSON Web Token. Nothing of it may be believed."""
    try:
        return taken_apart(token)[1]
    except BadToken:
        return {}


def _jwk(name: str, key: Any) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_encoded(value.to_bytes(_COORDINATE, "big")) for value in (numbers.x, numbers.y))
    return {"use": "sig", "kty": "EC", "kid": name, "crv": "P-256", "alg": "ES256", "x": x, "y": y}


def _key_id(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _encoded(sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
