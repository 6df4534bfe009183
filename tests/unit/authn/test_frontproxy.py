"""Authenticating proxies: who shows the front proxy's certificate names the user, nobody else does."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from podo.authn.clientcert import user_of_certificate
from tests.pki import Pki
from tests.unit.apiserver.world import ADMIN, World, in_world

ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
USER = {"x_remote_user": "ann", "x_remote_group": "devs", "x_remote_extra_Acme.com%2fproject": "web"}


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_the_proxy_names_the_user(tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    proxy, other = der(pki.issue("front-proxy-client")[0]), der(pki.issue("somebody", "system:masters")[0])

    async def ask(world: World, who: bytes, **headers: str) -> tuple[int, Any]:
        return await world.ask("POST", ME, {}, who=who, **headers)

    async def test(world: World) -> None:
        headers = {name.lower(): text for name, text in USER.items()}
        status, review = await ask(world, proxy, **headers)
        info = review["status"]["userInfo"]
        assert status == 201 and info["username"] == "ann" and info["groups"] == ["devs", "system:authenticated"]
        assert info["extra"] == {"acme.com/project": ["web"]}
        assert (await ask(world, proxy))[0] == 401  # the proxy itself is nobody
        assert (await ask(world, other, **headers))[0] == 401  # not a name that is believed
        assert (await ask(world, other))[0] == 401  # nor a user, whatever its groups say
        _, review = await ask(world, ADMIN, **headers)
        assert review["status"]["userInfo"]["username"] == "kubernetes-admin"

    in_world(test, front_proxy_ca=pki.ca.read_bytes())


def test_a_certificates_user_carries_its_fingerprint() -> None:
    from hashlib import sha256

    async def test(world: World) -> None:
        _, review = await world.ask("POST", ME, {})
        wanted = f"X509SHA256={sha256(ADMIN).hexdigest()}"
        assert review["status"]["userInfo"]["extra"] == {"authentication.kubernetes.io/credential-id": [wanted]}

    in_world(test)


def named(*names: str) -> bytes:
    """A certificate whose subject has several common names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    began = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    dates = began, began.replace(year=2120)
    built = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), *dates)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_of_several_common_names_the_last_is_the_users() -> None:
    user = user_of_certificate(named("ann", "bob"))
    assert user is not None and user.name == "bob"


@pytest.mark.parametrize(
    ("names", "wanted"), [(("ann", "front-proxy-client"), 201), (("front-proxy-client", "ann"), 401)]
)
def test_of_several_common_names_the_last_is_the_proxys(names: tuple[str, ...], wanted: int) -> None:
    proxy = named(*names)

    async def test(world: World) -> None:
        assert (await world.ask("POST", ME, {}, who=proxy, x_remote_user="bob"))[0] == wanted

    in_world(test, front_proxy_ca=ssl.DER_cert_to_PEM_cert(proxy).encode())
