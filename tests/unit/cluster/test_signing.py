"""Signing certificate requests: what comes out, and what each signer refuses with a reason."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from podo.cluster.signing import CLIENT, KUBELET, SERVING, signer
from podo.controllers.certificates import CannotSign

DAY = 86400


class Clock:
    def now(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def sign() -> Any:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    end = datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, end).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signer(made.public_bytes(serialization.Encoding.PEM), pem, Clock())


def wish(user: str, *groups: str, names: tuple[str, ...] = ()) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)).decode()


def spec(name: str, request: str, *usages: str, **more: Any) -> dict[str, Any]:
    return {"signerName": name, "request": request, "usages": list(usages), **more}


def test_a_client_certificate(sign: Any) -> None:
    made = x509.load_pem_x509_certificate(
        sign(spec(CLIENT, wish("max", "devs"), "client auth", "digital signature", expirationSeconds=DAY))
    )
    assert made.subject.rfc4514_string() == "CN=max,O=devs"
    assert made.not_valid_after_utc.timestamp() == Clock().now() + DAY
    purposes = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize("usages", [(), ("server auth",), ("client auth", "cert sign"), ("client auth", "server auth")])
def test_a_client_gets_no_other_usages(sign: Any, usages: tuple[str, ...]) -> None:
    with pytest.raises(CannotSign, match="usage"):
        sign(spec(CLIENT, wish("max"), *usages))


@pytest.mark.parametrize(
    ("name", "request_", "why"),
    [
        (KUBELET, wish("system:node:a"), "organization"),
        (KUBELET, wish("system:node:a", "system:nodes", "system:masters"), "organization"),
        (KUBELET, wish("admin", "system:nodes"), "common name"),
        (KUBELET, wish("system:node:a", "system:nodes", names=("a",)), "subjectAltNames"),
        (SERVING, wish("system:node:a", "system:nodes"), "subjectAltName is required"),
    ],
)
def test_kubelets_are_held_to_their_names(sign: Any, name: str, request_: str, why: str) -> None:
    with pytest.raises(CannotSign, match=why):
        sign(spec(name, request_, "client auth", "server auth"))


def test_a_kubelets_serving_certificate(sign: Any) -> None:
    request = wish("system:node:a", "system:nodes", names=("a",))
    made = x509.load_pem_x509_certificate(sign(spec(SERVING, request, "server auth", "digital signature")))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a"]
