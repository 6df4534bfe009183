"""Certificates are renewed ahead of their end, taken up without a restart, and move to another CA step by step."""

from __future__ import annotations

import asyncio
import os
import ssl
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from podo.cluster import carotation, certificates, kubeconfig, renewal
from podo.cluster.config import Config
from podo.cluster.layout import write_atomically
from podo.cluster.reloading import Reloading
from podo.http.client import HttpPool, NoAnswer
from podo.http.message import Request, Response
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.runtime.clock import SystemClock

DAY = 24 * 3600.0


class Later(SystemClock):
    def __init__(self, days: float) -> None:
        self._ahead = days * DAY

    def now(self) -> float:
        return super().now() + self._ahead


@pytest.fixture
def config(tmp_path: Path) -> Config:
    found = Config("test", str(tmp_path / "data"), nodes=2, runtime="containerd")
    found.layout.make()
    certificates.ensure(found, SystemClock())
    write_atomically(found.layout.kubeconfig, kubeconfig.render(found))
    return found


def read(config: Config, name: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((config.layout.pki / f"{name}.crt").read_bytes())


def test_each_node_has_identities_of_its_own(config: Config) -> None:
    users = {one.file: one.user for one in renewal.found(config)}
    assert users["kube-proxy-node-1"] == users["kube-proxy-node-2"] == "system:kube-proxy"
    assert users["kubelet-node-2"] == "system:node:node-2"
    assert read(config, "kube-proxy-node-1") != read(config, "kube-proxy-node-2")


def test_what_ends_in_a_third_of_its_life_is_renewed(config: Config) -> None:
    before = read(config, "apiserver")[0]
    assert renewal.Renewing(config, Later(240)).look() == []
    files = renewal.Renewing(config, Later(250)).look()
    assert {"apiserver", "admin", "kubelet-node-1", "front-proxy-client"} <= set(files)
    after = read(config, "apiserver")[0]
    assert after.not_valid_after_utc > before.not_valid_after_utc and after.public_key() != before.public_key()
    assert after.subject == before.subject and after.extensions[3].value == before.extensions[3].value
    after.verify_directly_issued_by(read(config, "ca")[0])
    admin = yaml.safe_load(config.layout.kubeconfig.read_bytes())["users"][0]["user"]["client-certificate-data"]
    assert admin == yaml.safe_load(kubeconfig.render(config))["users"][0]["user"]["client-certificate-data"]
    assert renewal.Renewing(config, Later(250)).look() == []


def test_keys_stay_private(config: Config) -> None:
    renewal.Renewing(config, Later(300)).look()
    for path in config.layout.pki.iterdir():
        wanted = 0o600 if path.suffix == ".key" else 0o644
        assert path.stat().st_mode & 0o777 == wanted, path
    assert config.layout.pki.stat().st_mode & 0o777 == 0o700


def test_a_running_server_shows_the_new_certificate(config: Config) -> None:
    pki = config.layout.pki
    tls = server_context(pki / "apiserver.crt", pki / "apiserver.key")
    reloading = Reloading()
    reloading.watch(pki / "apiserver.crt", pki / "apiserver.key", lambda: [tls])

    async def shown(port: int) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(ca=pki / "ca.crt"))
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(der).serial_number

    async def run() -> None:
        async def answer(request: Request) -> Response:
            return Response(200, b"")

        server = HttpServer(answer)
        port = await server.listen("127.0.0.1", 0, tls=tls)
        old = await shown(port)
        other = (pki / "admin.key").read_bytes()
        mine = (pki / "apiserver.key").read_bytes()
        write_atomically(pki / "apiserver.key", other)
        os.utime(pki / "apiserver.crt")
        reloading.check()  # a key that does not fit: the old one goes on
        assert await shown(port) == old
        write_atomically(pki / "apiserver.key", mine)
        identity = next(one for one in certificates.identities(config) if one.file == "apiserver")
        renewal.renew(config, SystemClock(), [identity])
        reloading.check()
        assert await shown(port) == read(config, "apiserver")[0].serial_number != old
        await server.stop(0.1)

    asyncio.run(run())


async def reaches(server_pki: dict[str, bytes], ca: bytes, folder: Path, client: dict[str, bytes]) -> bool:
    """Do a server and a client with these files (as they were read) believe each other?"""
    for name, data in {**server_pki, **{f"client.{k}": v for k, v in client.items()}, "trust": ca}.items():
        (folder / name).write_bytes(data)
    tls = server_context(folder / "crt", folder / "key", client_ca=folder / "ca", require_client=True)

    async def answer(request: Request) -> Response:
        return Response(200, b"")

    server = HttpServer(answer)
    port = await server.listen("127.0.0.1", 0, tls=tls)
    shown = client_context(ca=folder / "trust", certificate=folder / "client.crt", key=folder / "client.key")
    pool = HttpPool("127.0.0.1", port, tls=shown)
    try:
        return (await pool.request("GET", "/", seconds=2)).status == 200
    except NoAnswer:
        return False
    finally:
        pool.close()
        await server.stop(0.1)


def files_of(config: Config, name: str) -> dict[str, bytes]:
    return {end: (config.layout.pki / f"{name}.{end}").read_bytes() for end in ("crt", "key")}


def test_everybody_reaches_everybody_at_each_step_of_a_rotation(config: Config, tmp_path: Path) -> None:
    """Whoever has not been started again since the step before must get on with whoever has."""

    def now() -> tuple[dict[str, bytes], dict[str, bytes], bytes]:
        return files_of(config, "apiserver"), files_of(config, "admin"), (config.layout.pki / "ca.crt").read_bytes()

    moments = [now()]
    clock = SystemClock()
    for step in (lambda: carotation.begin(config, clock), lambda: carotation.switch(config, clock)):
        step()
        moments.append(now())
    carotation.finish(config)
    moments.append(now())

    async def check() -> None:
        for one, other in pairwise(moments):
            for server, client in ((one, other), (other, one), (other, other)):
                leaf, _, ca = server
                _, admin, trust = client
                assert await reaches({**leaf, "ca": ca}, trust, tmp_path, admin)
        first, last = moments[0], moments[-1]
        assert not await reaches({**last[0], "ca": last[2]}, last[2], tmp_path, first[1])

    asyncio.run(check())
    assert len(read(config, "ca")) == 1
    with pytest.raises(InvalidSignature):
        x509.load_pem_x509_certificate(moments[0][0]["crt"]).verify_directly_issued_by(read(config, "ca")[0])


def test_steps_come_in_their_order_and_may_be_repeated(config: Config) -> None:
    clock = SystemClock()
    for step in (lambda: carotation.switch(config, clock), lambda: carotation.finish(config)):
        with pytest.raises(carotation.OutOfOrder):
            step()
    carotation.begin(config, clock)
    told = (config.layout.pki / "ca.crt").read_bytes()
    carotation.begin(config, clock)
    assert (config.layout.pki / "ca.crt").read_bytes() == told and carotation.stage(config) == "begin"
    with pytest.raises(carotation.OutOfOrder):
        carotation.finish(config)
    carotation.switch(config, clock)
    carotation.switch(config, clock)
    assert carotation.stage(config) == "switch"
    with pytest.raises(carotation.OutOfOrder):
        carotation.begin(config, clock)
    carotation.finish(config)
    assert carotation.stage(config) == ""


def test_nobody_speaks_less_than_tls_1_2(config: Config) -> None:
    pki = config.layout.pki
    tls = server_context(pki / "apiserver.crt", pki / "apiserver.key")
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
    for cipher in tls.get_ciphers():
        assert cipher["aead"] and cipher["kea"] in ("kx-ecdhe", "kx-any"), cipher["name"]


def test_the_users_kubeconfig_is_refreshed_where_it_has_the_context(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    assert not kubeconfig.refresh(config, path)
    path.write_text("contexts: [{name: other}]\ncurrent-context: other\n")
    before = path.read_bytes()
    assert not kubeconfig.refresh(config, path) and path.read_bytes() == before
    kubeconfig.merge(config, path)
    document = yaml.safe_load(path.read_bytes())
    path.write_text(yaml.safe_dump({**document, "current-context": "other"}))
    carotation.begin(config, SystemClock())
    assert kubeconfig.refresh(config, path)
    after = yaml.safe_load(path.read_bytes())
    assert after["current-context"] == "other" and len(after["contexts"]) == 2
    shown = yaml.safe_load(kubeconfig.render(config))
    assert after["clusters"] == shown["clusters"] != document["clusters"]
