"""Private keys of pods, made on the node and never sent anywhere, and the empty requests that they sign."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

_CURVES = {"ECDSAP256": "SECP256R1", "ECDSAP384": "SECP384R1", "ECDSAP521": "SECP521R1"}
_RSA_BITS = {"RSA3072": 3072, "RSA4096": 4096}


@dataclass(frozen=True, slots=True)
class PodKey:
    """``pem``: PKCS#8. ``request``: a PKCS#10 request without a subject, signed by the key; base64 of its DER."""

    pem: bytes = field(repr=False)
    request: str = ""


def make(key_type: str) -> PodKey:
    """A new key of a PodCertificateProjection's ``keyType``. ValueError for a type that is not known. An RSA key takes
    a second and more: not in the loop."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    key = _generate(key_type)
    hashed = None if key_type == "ED25519" else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashed)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return PodKey(pem, base64.b64encode(request.public_bytes(serialization.Encoding.DER)).decode())


def _generate(key_type: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if key_type == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    if curve := _CURVES.get(key_type):
        return ec.generate_private_key(getattr(ec, curve)())
    if bits := _RSA_BITS.get(key_type):
        return rsa.generate_private_key(65537, bits)
    raise ValueError(f'unknown key type "{key_type}"')
