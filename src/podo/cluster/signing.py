"""Signing CertificateSigningRequests with the cluster's CA: what each built-in signer demands of a request.

Source: "Kubernetes signers" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

from podo.api.kind import Obj
from podo.cluster.certificates import BACKDATED, LEAF_DAYS
from podo.controllers.certificates import CannotSign
from podo.runtime.clock import Clock

CLIENT, KUBELET, SERVING = (
    f"kubernetes.io/{name}" for name in ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving")
)
_KEY_USAGES = {"digital signature", "key encipherment"}


def signer(ca: bytes, ca_key: bytes, clock: Clock) -> Callable[[Obj], bytes]:
    """``ca`` and ``ca_key``: PEM. What comes back gives the certificate (PEM) for a request's spec."""

    def sign(spec: Obj) -> bytes:
        from cryptography import x509

        request = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
        _check(spec["signerName"], set(spec["usages"]), request)
        return _issue(request, spec, ca, ca_key, datetime.datetime.fromtimestamp(clock.now(), datetime.UTC))

    return sign


def _check(name: str, usages: set[str], request: Any) -> None:
    if name == CLIENT:
        _check_usages(usages, "client auth")
        return
    user, groups = _subject(request)
    if groups != ["system:nodes"]:
        raise CannotSign("subject organization is not system:nodes")
    if not user.startswith("system:node:"):
        raise CannotSign("subject common name does not begin with system:node:")
    names, addresses, others = _alternatives(request)
    if name == KUBELET:
        if names or addresses or others:
            raise CannotSign("subjectAltNames are not allowed")
        _check_usages(usages, "client auth")
        return
    if others:
        raise CannotSign("only DNS and IP subjectAltNames are allowed")
    if not names and not addresses:
        raise CannotSign("DNS or IP subjectAltName is required")
    _check_usages(usages, "server auth")


def _check_usages(usages: set[str], purpose: str) -> None:
    if purpose not in usages or not usages <= {purpose, *_KEY_USAGES}:
        allowed = ", ".join(sorted({purpose, *_KEY_USAGES}))
        raise CannotSign(f"invalid usage for client certificate: must include {purpose} and may include {allowed}")


def _subject(request: Any) -> tuple[str, list[str]]:
    from cryptography.x509.oid import NameOID

    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(names[0].value) if names else "", [str(group.value) for group in groups]


def _alternatives(request: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """DNS names, addresses, and whatever else."""
    from cryptography import x509

    try:
        found = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return [], [], []
    names = [one for one in found if isinstance(one, x509.DNSName)]
    addresses = [one for one in found if isinstance(one, x509.IPAddress)]
    return names, addresses, [one for one in found if one not in names and one not in addresses]


def _issue(request: Any, spec: Obj, ca: bytes, ca_key: bytes, now: datetime.datetime) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    authority: Any = load_pem_private_key(ca_key, None)
    issuer = x509.load_pem_x509_certificate(ca)
    longest = LEAF_DAYS * 86400
    seconds = min(spec.get("expirationSeconds") or longest, longest)
    ends = min(now + datetime.timedelta(seconds=seconds), issuer.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(issuer.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends)
    )
    for extension, critical in _extensions(request, set(spec["usages"]), authority.public_key()):
        builder = builder.add_extension(extension, critical)
    return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)


def _extensions(request: Any, usages: set[str], authority: Any) -> list[tuple[Any, bool]]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    purposes = {"client auth": ExtendedKeyUsageOID.CLIENT_AUTH, "server auth": ExtendedKeyUsageOID.SERVER_AUTH}
    key_usage = x509.KeyUsage(
        digital_signature="digital signature" in usages,
        key_encipherment="key encipherment" in usages,
        **dict.fromkeys(
            (
                *("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
                *("encipher_only", "decipher_only"),
            ),
            False,
        ),
    )
    found: list[tuple[Any, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        *([(key_usage, True)] if usages & _KEY_USAGES else ()),  # one without any bit set is not valid
        (x509.ExtendedKeyUsage([purpose for name, purpose in purposes.items() if name in usages]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), False),
    ]
    names, addresses, _ = _alternatives(request)
    if names or addresses:
        found.append((x509.SubjectAlternativeName([*names, *addresses]), False))
    return found
