"""The front proxy's certificate, and what extension API servers are told to believe."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509

from podo.api.encoding import stamp
from podo.cluster import certificates
from podo.cluster.config import Config
from podo.cluster.controlplane import ControlPlane
from podo.cluster.server import settings_of
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.memory import MemoryStore


def prepared(tmp_path: Path) -> Config:
    config = Config("test", str(tmp_path / "data"))
    config.layout.make()
    certificates.ensure(config, SystemClock())
    return config


def certificate(config: Config, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((config.layout.pki / f"{name}.crt").read_bytes())


def test_the_front_proxy_has_an_authority_of_its_own(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    shown, authority = certificate(config, "front-proxy-client"), certificate(config, "front-proxy-ca")
    assert shown.subject.rfc4514_string() == "CN=front-proxy-client"
    shown.verify_directly_issued_by(authority)
    assert authority.subject.rfc4514_string() == "CN=front-proxy-ca"
    assert authority.public_key() != certificate(config, "ca").public_key()


def test_a_cluster_of_an_older_release_gets_what_it_misses(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    before = certificate(config, "apiserver")
    for name in ("front-proxy-client.crt", "front-proxy-client.key", "front-proxy-ca.crt", "front-proxy-ca.key"):
        os.remove(config.layout.pki / name)
    certificates.ensure(config, SystemClock())
    certificate(config, "front-proxy-client").verify_directly_issued_by(certificate(config, "front-proxy-ca"))
    assert certificate(config, "apiserver") == before


def test_extension_api_servers_are_told_whom_to_believe(tmp_path: Path) -> None:
    config = prepared(tmp_path)

    async def read() -> dict[str, Any]:
        plane = ControlPlane(MemoryStore(stamp), SystemClock(), Chance(1), settings_of(config))
        await plane.start()
        found = await plane.client.get("ConfigMap", "extension-apiserver-authentication", "kube-system")
        await plane.stop()
        return found

    data = asyncio.run(read())["data"]
    pki = config.layout.pki
    assert data["client-ca-file"] == (pki / "ca.crt").read_text()
    assert data["requestheader-client-ca-file"] == (pki / "front-proxy-ca.crt").read_text()
    lists = {name: orjson.loads(text) for name, text in data.items() if not name.endswith("-file")}
    assert lists == {
        "requestheader-allowed-names": ["front-proxy-client"],
        "requestheader-extra-headers-prefix": ["X-Remote-Extra-"],
        "requestheader-group-headers": ["X-Remote-Group"],
        "requestheader-uid-headers": ["X-Remote-Uid"],
        "requestheader-username-headers": ["X-Remote-User"],
    }
