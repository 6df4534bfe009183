"""Signatures of JSON Web Tokens of others: RS, PS and ES with 256, 384 and 512 bits. ``none`` and the symmetric ones
are not known here, so nobody can ask for them.

Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 sections 3.3 to 3.5 and 6; RFC 8725 (what goes wrong).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ALGORITHMS = tuple(f"{family}{bits}" for family in ("RS", "ES", "PS") for bits in (256, 384, 512))
_CURVES = {
    "P-256": ("SECP256R1", 32, "ES256"),
    "P-384": ("SECP384R1", 48, "ES384"),
    "P-521": ("SECP521R1", 66, "ES512"),
}
MOST_KEYS = 256
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of an issuer. ``algorithms``: those that its signatures may have."""

    id: str
    algorithms: tuple[str, ...]
    key: Any
    coordinate: int = 0  # bytes of r and of s

    def verifies(self, algorithm: str, said: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        if algorithm not in self.algorithms:
            return False
        try:
            if self.coordinate:
                self._verify_ec(algorithm, said, signature)
            else:
                self._verify_rsa(algorithm, said, signature)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _verify_ec(self, algorithm: str, said: bytes, signature: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if len(signature) != 2 * self.coordinate:
            raise ValueError("not r and s")
        r, s = (int.from_bytes(half, "big") for half in (signature[: self.coordinate], signature[self.coordinate :]))
        self.key.verify(encode_dss_signature(r, s), said, ec.ECDSA(_hash(algorithm)))

    def _verify_rsa(self, algorithm: str, said: bytes, signature: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import padding

        hashed = _hash(algorithm)
        kind = padding.PSS(padding.MGF1(hashed), hashed.digest_size) if algorithm[0] == "P" else padding.PKCS1v15()
        self.key.verify(signature, said, kind, hashed)


def _hash(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]


def keys_of(document: Any) -> list[Key]:
    """The signing keys of a JWK set; what is of no use for signatures is left out. ValueError for what is none."""
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWK set")
    found = (_key(one) for one in document["keys"][:MOST_KEYS] if isinstance(one, Mapping))
    return [key for key in found if key is not None]


def _key(one: Mapping[str, Any]) -> Key | None:
    if one.get("use", "sig") != "sig":
        return None
    try:
        made = {"RSA": _rsa, "EC": _ec}[one.get("kty", "")](one)
    except (KeyError, TypeError, ValueError):  # an unknown kind, or a damaged key beside good ones
        return None
    wanted = one.get("alg")
    if wanted is None:
        return made
    return Key(made.id, (wanted,), made.key, made.coordinate) if wanted in made.algorithms else None


def _rsa(one: Mapping[str, Any]) -> Key:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.RSAPublicNumbers(_number(one["e"]), _number(one["n"])).public_key()
    if key.key_size < _LEAST_RSA_BITS:
        raise ValueError("the key is too short")
    return Key(str(one.get("kid", "")), tuple(name for name in ALGORITHMS if name[0] in "RP"), key)


def _ec(one: Mapping[str, Any]) -> Key:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve, size, algorithm = _CURVES[one["crv"]]
    key = ec.EllipticCurvePublicNumbers(_number(one["x"]), _number(one["y"]), getattr(ec, curve)()).public_key()
    return Key(str(one.get("kid", "")), (algorithm,), key, size)


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def fitting(keys: Iterable[Key], head: Mapping[str, Any]) -> list[Key]:
    """The keys that may have signed a token with this head: the one it names, or any where it names none."""
    name = head.get("kid")
    return [key for key in keys if name is None or key.id == name]
