"""Requests for certificates, as clients make them."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def wish(*users: str, groups: tuple[str, ...] = (), names: tuple[x509.GeneralName, ...] = ()) -> str:
    """PKCS#10 as PEM in base64, as the field ``request`` has it. ``users``: the common names, of which there should be
    one; ``names``: what the certificate is to be for besides."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject += [x509.NameAttribute(NameOID.COMMON_NAME, user) for user in users]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)).decode()
