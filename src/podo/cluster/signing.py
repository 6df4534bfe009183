"""Signing CertificateSigningRequests with the cluster's CA: what each built-in signer demands of a request.

Source: "Kubernetes signers" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Collection
from typing import Any

from podo.api.kind import Obj
from podo.api.parts import kubeletrequest
from podo.api.parts.signername import KUBE_APISERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING
from podo.cluster.certificates import BACKDATED, LEAF_DAYS
from podo.controllers.certificates import CannotSign
from podo.runtime.clock import Clock

_KEY_USAGES = {"digital signature", "key encipherment"}


def signer(ca: bytes, ca_key: bytes, clock: Clock) -> Callable[[Obj], bytes]:
    """``ca`` and ``ca_key``: PEM. What comes back gives the certificate (PEM) for a request's spec."""

    def sign(spec: Obj) -> bytes:
        from cryptography import x509

        request = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
        _check(spec["signerName"], spec["usages"], request)
        return _issue(request, spec, ca, ca_key, datetime.datetime.fromtimestamp(clock.now(), datetime.UTC))

    return sign


def _check(name: str, usages: list[str], request: Any) -> None:
    problem = _PROBLEMS[name](request, usages)
    if problem:
        raise CannotSign(problem)


def _client_problem(request: Any, usages: Collection[str]) -> str:
    """Whom it names is for its approver to look at."""
    for usage in usages:
        if usage not in ("client auth", *_KEY_USAGES):
            return f"invalid usage for client certificate: {usage}"
    return "" if "client auth" in usages else "missing required usage for client certificate: client auth"


#: Signer -> why it does not sign a request.
_PROBLEMS: dict[str, Callable[[Any, Collection[str]], str]] = {
    KUBE_APISERVER_CLIENT: _client_problem,
    KUBELET_CLIENT: kubeletrequest.client_problem,
    KUBELET_SERVING: kubeletrequest.serving_problem,
}


def _alternatives(request: Any) -> list[Any]:
    """The DNS names and addresses that the certificate is for: others are not issued."""
    from cryptography import x509

    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return []
    return [one for one in found if isinstance(one, x509.DNSName | x509.IPAddress)]


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
    if names := _alternatives(request):
        found.append((x509.SubjectAlternativeName(names), False))
    return found
