"""Signing certificate requests: what comes out, and what each signer refuses with a reason."""

from __future__ import annotations

import datetime
import ipaddress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.unit.cluster.wishes import wish

from podo.api.parts.signername import KUBE_APISERVER_CLIENT as CLIENT
from podo.api.parts.signername import KUBELET_CLIENT as KUBELET
from podo.api.parts.signername import KUBELET_SERVING as SERVING
from podo.cluster.signing import signer
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


def spec(name: str, request: str, *usages: str, **more: Any) -> dict[str, Any]:
    return {"signerName": name, "request": request, "usages": list(usages), **more}


def test_a_client_certificate(sign: Any) -> None:
    made = x509.load_pem_x509_certificate(
        sign(spec(CLIENT, wish("max", groups=("devs",)), "client auth", "digital signature", expirationSeconds=DAY))
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


NODES = ("system:nodes",)
DNS, EMAIL, IP = x509.DNSName("a"), x509.RFC822Name("a@b.example"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))
URI, OTHER = x509.UniformResourceIdentifier("spiffe://a"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))


@pytest.mark.parametrize(
    ("name", "request_", "why"),
    [
        (KUBELET, wish("system:node:a"), "subject organization is not system:nodes"),
        (KUBELET, wish("system:node:a", groups=(*NODES, "system:masters")), "subject organization is not system:nodes"),
        (KUBELET, wish("admin", groups=NODES), "subject common name does not begin with system:node:"),
        (KUBELET, wish("system:node:b", "system:node:a", groups=NODES), "common name does not begin"),
        *(
            (KUBELET, wish("system:node:a", groups=NODES, names=(name,)), f"^{sort} subjectAltNames are not allowed")
            for sort, name in (("DNS", DNS), ("Email", EMAIL), ("IP", IP), ("URI", URI))
        ),
        (SERVING, wish("system:node:a", groups=NODES), "DNS or IP subjectAltName is required"),
        (SERVING, wish("system:node:a", groups=NODES, names=(DNS, EMAIL)), "Email subjectAltNames are not allowed"),
        (SERVING, wish("system:node:a", groups=NODES, names=(IP, URI)), "URI subjectAltNames are not allowed"),
        (SERVING, wish("system:node:a", names=(DNS,)), "subject organization is not system:nodes"),
    ],
)
def test_kubelets_are_held_to_their_names(sign: Any, name: str, request_: str, why: str) -> None:
    usage = "client auth" if name == KUBELET else "server auth"
    with pytest.raises(CannotSign, match=why):
        sign(spec(name, request_, usage, "digital signature"))


@pytest.mark.parametrize("name", [KUBELET, SERVING])
def test_kubelets_are_held_to_their_usages(sign: Any, name: str) -> None:
    usage = "client auth" if name == KUBELET else "server auth"
    request = wish("system:node:a", groups=NODES, names=(OTHER,) if name == KUBELET else (DNS, OTHER))
    for wrong in ((usage,), (usage, "key encipherment"), (usage, "digital signature", "cert sign")):
        with pytest.raises(CannotSign, match=f"usages did not match .*{usage}.*"):
            sign(spec(name, request, *wrong))
    for right in ((usage, "digital signature"), (usage, "digital signature", "key encipherment")):
        made = x509.load_pem_x509_certificate(sign(spec(name, request, *right)))
        assert made.subject.rfc4514_string() == "CN=system:node:a,O=system:nodes"


def test_a_kubelets_serving_certificate(sign: Any) -> None:
    request = wish("system:node:a", groups=NODES, names=(DNS, IP))
    made = x509.load_pem_x509_certificate(sign(spec(SERVING, request, "server auth", "digital signature")))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["192.0.2.1"]
