"""A certificate and its key as a TLS server loads them: what is wrong with the two, in Go's words (crypto/tls)."""

from __future__ import annotations

from typing import Any

from podo.api.parts import pem, x509


def problem(certificate: str, key: str) -> str:
    """Both in PEM; "" where a server could use them."""
    found = list(pem.blocks(certificate))
    first = next((one for one in found if one.type == "CERTIFICATE"), None)
    if first is None:
        return _no_certificate([one.type for one in found])
    blocks = list(pem.blocks(key))
    private = next((one for one in blocks if one.type == "PRIVATE KEY" or one.type.endswith(" PRIVATE KEY")), None)
    if private is None:
        return _no_key([one.type for one in blocks])
    leaf = x509.certificate(first.content)
    if leaf is None:
        return "x509: malformed certificate"
    return _match(leaf, private.content)


def _no_certificate(skipped: list[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in certificate input"
    if len(skipped) == 1 and skipped[0].endswith("PRIVATE KEY"):
        what = "failed to find certificate PEM data in certificate input, but did find a private key"
        return f"tls: {what}; PEM inputs may have been switched"
    types = " ".join(skipped)
    what = (
        'failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types'
    )
    return f"tls: {what}: [{types}]"


def _no_key(skipped: list[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in key input"
    if skipped == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    what = 'failed to find PEM block with type ending in "PRIVATE KEY" in key input'
    return f"tls: {what} after skipping PEM blocks of the following types: [{' '.join(skipped)}]"


def _match(leaf: Any, content: bytes) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        found = load_der_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "tls: failed to parse private key"
    public, own = leaf.public_key(), found.public_key()
    if type(public) is not type(own):
        return "tls: private key type does not match public key type"
    return "" if public == own else "tls: private key does not match public key"
