"""Certificates and requests for them as the API reads them: whatever is wrong with one, it is none."""

from __future__ import annotations

import base64
import binascii
from typing import Any


def decoded(encoded: str | None) -> bytes:
    """What a field of bytes holds; nothing if it is no base64."""
    try:
        return base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, ValueError):
        return b""


def certificate(der: bytes) -> Any:
    """A certificate as ``cryptography`` has it, or None."""
    from cryptography.x509 import load_der_x509_certificate

    return _read(load_der_x509_certificate, der)


def pem_request(pem: bytes) -> Any:
    """A PKCS#10 request in PEM, or None."""
    from cryptography.x509 import load_pem_x509_csr

    return _read(load_pem_x509_csr, pem)


def request(der: bytes) -> Any:
    """A PKCS#10 request, or None."""
    from cryptography.x509 import load_der_x509_csr

    return _read(load_der_x509_csr, der)


def _read(load: Any, der: bytes) -> Any:
    """What is read must have a key that can be read too."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import InvalidVersion

    try:
        found = load(der)
        found.public_key()
        return found
    except (ValueError, TypeError, InvalidVersion, UnsupportedAlgorithm):
        return None


def is_signed(found: Any) -> bool:
    """Is a request signed by the key that it is for?"""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        return bool(found.is_signature_valid)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False


def is_authority(found: Any) -> bool:
    """Does the certificate say that it is a CA's?"""
    from cryptography.x509 import BasicConstraints

    constraints = _extension(found, BasicConstraints)
    return constraints is not None and bool(constraints.ca)


def common_name(subject: Any) -> str:
    """Whom a subject names: of several the last, as in Go (``crypto/x509/pkix``); "" for nobody."""
    from cryptography.x509.oid import NameOID

    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else ""


def names_of(found: Any) -> tuple[list[str], list[str]]:
    """The domains and the mail addresses that a certificate is for."""
    from cryptography.x509 import DNSName, RFC822Name, SubjectAlternativeName

    names = _extension(found, SubjectAlternativeName)
    return ([], []) if names is None else (names.get_values_for_type(DNSName), names.get_values_for_type(RFC822Name))


def _extension(found: Any, wanted: Any) -> Any:
    """What an extension of the certificate says; None without it, or if none can be read."""
    from cryptography.x509 import DuplicateExtension, ExtensionNotFound, UnsupportedGeneralNameType

    try:
        return found.extensions.get_extension_for_class(wanted).value
    except (ValueError, TypeError, ExtensionNotFound, DuplicateExtension, UnsupportedGeneralNameType):
        return None
