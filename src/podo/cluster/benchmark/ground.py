"""The ground on which controls stand: a cluster as one sees it from outside, by requests to its ports, by its files and
by what its processes listen on. Nothing is changed: writes are dry runs."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podo.api.kind import Obj
from podo.cluster import listeners, state
from podo.cluster.config import Config
from podo.http.client import HttpPool, NoAnswer
from podo.http.tls import client_context

SECONDS = 10.0
#: Objects of a list that are looked at, at most.
MOST = 20_000

Answered = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Port:
    """Something to connect to. ``what`` names it in findings."""

    what: str
    host: str
    number: int


@dataclass
class Ground:
    config: Config
    _pools: dict[tuple[Port, str], HttpPool] = field(default_factory=dict)
    _lists: dict[str, list[Obj]] = field(default_factory=dict)

    @property
    def api(self) -> Port:
        return Port("the API server", "127.0.0.1", self.config.port)

    @property
    def kubelets(self) -> list[Port]:
        """Of the nodes with real containers; simulated ones have none."""
        if self.config.runtime != "containerd":
            return []
        port = self.config.kubelet_port
        return [Port(f"the kubelet of {name}", self.config.node_address(name), port) for name in self.config.node_names]

    async def ask(
        self, path: str, method: str = "GET", body: object = None, *, who: str = "admin", **headers: str
    ) -> Answered:
        """Ask the API server: as the identity whose certificate is ``pki/WHO.crt``, or with none for ""."""
        return await self.ask_at(self.api, path, method, body, who=who, **headers)

    async def ask_at(
        self, port: Port, path: str, method: str = "GET", body: object = None, *, who: str = "admin", **headers: str
    ) -> Answered:
        """Raises OSError where the port does not let one speak to it."""
        pool = self._pools.get((port, who))
        if pool is None:
            pool = self._pools[port, who] = HttpPool(port.host, port.number, tls=self.tls(who))
        sent: Mapping[str, str] = {name.replace("_", "-"): text for name, text in headers.items()}
        raw = json.dumps(body).encode() if body is not None else b""
        if body is not None and "content_type" not in headers:
            sent = {"Content-Type": "application/json", **sent}
        try:
            answer = await asyncio.wait_for(pool.request(method, path, headers=sent, body=raw), SECONDS)
        except TimeoutError:
            raise OSError(f"{port.what} did not answer in {SECONDS:g} s") from None
        except NoAnswer as broken:
            raise OSError(f"{port.what}: {broken}") from None
        try:
            return answer.status, json.loads(answer.body)
        except ValueError:
            return answer.status, answer.body.decode("utf-8", "replace")

    async def items(self, path: str) -> list[Obj]:
        """The items at ``path``, asked for once."""
        if path not in self._lists:
            status, found = await self.ask(f"{path}?limit={MOST}")
            if status != 200:
                raise OSError(f"GET {path}: {status}")
            self._lists[path] = found.get("items") or []
        return self._lists[path]

    def tls(self, who: str) -> ssl.SSLContext:
        pki = self.config.layout.pki
        certificate, key = (pki / f"{who}.crt", pki / f"{who}.key") if who else (None, None)
        return client_context(ca=pki / "ca.crt", certificate=certificate, key=key)

    async def shakes_hands(self, port: Port, version: ssl.TLSVersion, ciphers: str = "") -> bool:
        """Does it agree to ``version`` of TLS at most, with these ciphers only?"""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
            context.maximum_version = version
            if ciphers:
                context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
            async with asyncio.timeout(SECONDS):
                _, writer = await asyncio.open_connection(port.host, port.number, ssl=context)
        except (OSError, ssl.SSLError):
            return False
        writer.close()
        return True

    def certificate_of(self, port: Port) -> str:
        """What it shows, in PEM, unverified. Raises OSError."""
        return ssl.get_server_certificate((port.host, port.number), timeout=SECONDS)

    def listening(self) -> list[listeners.Listener]:
        """What the cluster's processes listen on."""
        found = state.load(self.config.layout.state)
        pids = [component.pid for component in found.components if component.pid]
        return listeners.of_processes([*pids, *([found.pid] if found.pid else [])])

    def files(self, *patterns: str) -> list[Path]:
        """Those below the data directory that are there."""
        root = Path(self.config.data_dir)
        return sorted(path for pattern in patterns for path in root.glob(pattern))

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
