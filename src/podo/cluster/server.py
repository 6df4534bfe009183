"""The process of ``podo server``: the control plane on TLS sockets, and the simulated nodes where there are any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from podo.apiserver.calling.connections import Trust, showing
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.cluster import access, certificates, encryption, givenfiles, podsecurity
from podo.cluster.auditing import Auditing
from podo.cluster.component import say_ready
from podo.cluster.config import Config
from podo.cluster.controlplane import ControlPlane, Settings
from podo.cluster.reloading import Reloading
from podo.cluster.renewal import Renewing
from podo.cluster.rereading import Rereading
from podo.cluster.simulatednodes import SimulatedNodes
from podo.cluster.stopping import stop_signal
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.runtime import garbage, log, loop
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock, SystemClock
from podo.storage.contract import Store

logger = log.Logger("podo.server")


def serve(config: Config) -> None:
    """Until SIGTERM."""
    log.configure()
    loop.run(_serve(config, SystemClock(), Chance()))


async def _serve(config: Config, clock: Clock, chance: Chance) -> None:
    stop = stop_signal()
    store = _store(config)
    reloading = Reloading()
    plane = ControlPlane(store, clock, chance, settings_of(config), kubelet=_kubelet_access(config, reloading))
    await plane.start()
    auditing = Auditing(config, plane.api, clock, chance)
    auditing.start()
    resealing = encryption.Resealing(config, store)
    resealing.start()
    server = await _listen(config, plane, reloading)
    reloading.start()
    rereading = _rereading(config, plane, store, clock)
    rereading.start()
    renewing = Renewing(config, clock)
    renewing.start()
    await plane.start_loops()
    nodes = SimulatedNodes(config, plane, clock, chance) if config.runtime == "simulated" else None
    say_ready()
    logger.info("ready", address=config.server_url)
    if nodes is not None:
        await nodes.start(after_some=garbage.keep)
    await asyncio.to_thread(import_module, "podo.scheduler.scheduler")  # beside the loop, which answers meanwhile
    await plane.start_scheduler()
    garbage.settle()
    await stop.wait()
    plane.api.health.stopping = True
    for part in (resealing, renewing, reloading, rereading):
        await part.stop()
    await server.stop()
    if nodes is not None:
        await nodes.stop()
    await auditing.stop()
    await plane.stop()


def _rereading(config: Config, plane: ControlPlane, store: Store, clock: Clock) -> Rereading:
    """Of the files that a running server takes up."""
    api, found = plane.api, Rereading(clock, config.server_url)
    taken: dict[str, tuple[Path, Callable[[], None]]] = {
        "authentication": (
            access.authentication_path(config),
            lambda: api.access.authenticate_by(access.authentication_of(config)),
        ),
        "authorization": (
            access.authorization_path(config),
            lambda: api.access.authorize_by(access.authorization_of(config)),
        ),
        "encryption": (encryption.path(config), lambda: encryption.reread(config, store)),
    }
    for name, (file, take) in taken.items():
        found.watch(name, file, take)
    api.backend.metrics.collectors.append(found.families)
    return found


def settings_of(config: Config) -> Settings:
    pki = config.layout.pki
    return Settings(
        pod_cidr=config.pod_cidr,
        service_cidr=config.service_cidr,
        kubernetes_ip=config.kubernetes_ip,
        dns_ip=config.dns_ip,
        server_address=config.node_ip,
        server_port=config.port,
        issuer=f"https://kubernetes.default.svc.{config.cluster_domain}",
        token_key=(pki / certificates.TOKEN_KEY).read_bytes(),
        ca=(pki / "ca.crt").read_bytes(),
        ca_key=(pki / "ca.key").read_bytes(),
        pod_security=podsecurity.load(config),
        admission=access.admission_of(config),
        authentication=access.authentication_of(config),
        authorization=access.authorization_of(config),
        scheduler=_optional(givenfiles.scheduler_path(config)),
        front_proxy=Trust(
            certificate=pki / f"{certificates.FRONT_PROXY}.crt", key=pki / f"{certificates.FRONT_PROXY}.key"
        ),
        front_proxy_ca=(pki / f"{certificates.FRONT_PROXY_CA}.crt").read_bytes(),
    )


def _optional(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _store(config: Config) -> Store:
    from podo.api.encoding import stamp

    if config.store == "memory":
        from podo.storage.memory import MemoryStore

        return MemoryStore(stamp)
    from podo.storage.sqlite import SqliteStore

    return SqliteStore(config.layout.store, stamp, sealing=encryption.load(config))


def _kubelet_access(config: Config, reloading: Reloading) -> KubeletAccess:
    pki = config.layout.pki
    certificate, key = pki / "apiserver-kubelet-client.crt", pki / "apiserver-kubelet-client.key"
    tls = client_context(ca=pki / "ca.crt", certificate=certificate, key=key)
    reloading.watch(certificate, key, lambda: [tls])
    return KubeletAccess(tls)


async def _listen(config: Config, plane: ControlPlane, reloading: Reloading) -> HttpServer:
    pki = config.layout.pki
    tls = server_context(pki / "apiserver.crt", pki / "apiserver.key", client_ca=pki / "ca.crt")
    reloading.watch(pki / "apiserver.crt", pki / "apiserver.key", lambda: [tls])
    shown = pki / f"{certificates.FRONT_PROXY}.crt"
    reloading.watch(shown, shown.with_suffix(".key"), lambda: list(showing[shown]))
    tls.load_verify_locations(pki / f"{certificates.FRONT_PROXY_CA}.crt")  # it makes no users: authn.frontproxy
    server = HttpServer(plane.api.handle)
    for address in dict.fromkeys(("127.0.0.1", config.node_ip)):
        await server.listen(address, config.port, tls=tls)
    return server
