"""Authenticating proxies: who shows the front proxy's certificate names the user, nobody else does."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

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
