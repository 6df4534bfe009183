"""A small extension API server: TLS, client certificates of the front proxy's CA only, one kind with a list, a watch,
and an upgrade, and documents of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from podo.authn.clientcert import user_of_certificate
from podo.http.message import Disconnected, Request, Response, Streaming, Tunnel, Upgrade, Writer
from podo.http.server import HttpServer
from podo.http.tls import server_context
from tests.pki import Pki

Obj = dict[str, Any]
GROUP, VERSION = "wardle.example.com", "v1alpha1"
ROOT = f"/apis/{GROUP}/{VERSION}"
RESOURCES: list[Obj] = [
    {"name": "flunders", "singularName": "flunder", "namespaced": True, "kind": "Flunder", "verbs": ["get", "list"]},
    {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
]
SWAGGER: Obj = {
    "swagger": "2.0",
    "info": {"title": "wardle", "version": "v1"},
    "paths": {f"{ROOT}/flunders": {"get": {}}, "/version": {"get": {}}, "/api/v1/pods": {"get": {"theirs": True}}},
    "definitions": {
        "com.example.Flunder": {
            "type": "object",
            "properties": {"metadata": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}},
        },
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "properties": {"theirs": {}}},
    },
}


@dataclass
class Extension:
    """``seen``: method, path and headers of each request for flunders; ``users``: whose certificates were shown."""

    port: int = 0
    aggregated: bool = False  # does it know the newer form of discovery?
    healthy: bool = True
    flunders: list[Obj] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    users: set[str] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    watches: int = 0
    #: The other ends of the connections on which requests for flunders came.
    peers: set[str] = field(default_factory=set)

    async def handle(self, request: Request) -> Response | Streaming | Upgrade:
        user = user_of_certificate(request.peer.certificate or b"")
        self.users.add(user.name if user else "")
        if not self.healthy:
            return Response(500, b"unwell", "text/plain")
        if request.path.startswith(f"{ROOT}/"):
            return await self._flunders(request)
        return self._document(request)

    def _document(self, request: Request) -> Response:
        pages: dict[str, Obj] = {
            ROOT: {"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": RESOURCES},
            "/openapi/v2": SWAGGER,
            "/openapi/v3": {"paths": {ROOT[1:]: {"serverRelativeURL": f"/openapi/v3{ROOT}?hash=ABC"}}},
            f"/openapi/v3{ROOT}": {"openapi": "3.0.0", "info": {"title": "wardle"}},
        }
        if request.path == "/apis" and self.aggregated:
            return Response(200, orjson.dumps(self._groups()), request.headers["accept"].split(",")[0])
        found = pages.get(request.path)
        return Response(200, orjson.dumps(found)) if found else Response(404, b"no page", "text/plain")

    def _groups(self) -> Obj:
        kind = {"group": GROUP, "version": VERSION, "kind": "Fischer"}
        resource = {"resource": "fischers", "responseKind": kind, "scope": "Cluster", "verbs": ["get"]}
        versions = [{"version": VERSION, "resources": [resource], "freshness": "Current"}]
        items = [{"metadata": {"name": GROUP}, "versions": versions}]
        return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}

    async def _flunders(self, request: Request) -> Response | Streaming | Upgrade:
        self.peers.add(request.peer.address)
        self.seen.append((request.method, request.path, dict(request.headers)))
        if "upgrade" in request.headers:
            return Upgrade(_echo)
        if "watch=true" in request.query:
            return Streaming(self._watch)
        if request.method == "POST":
            self.flunders.append(orjson.loads(await request.body(1 << 20)))
            self.changed.set()
            return Response(201, orjson.dumps(self.flunders[-1]), headers=[("X-Own", "yes")])
        return Response(200, orjson.dumps({"kind": "FlunderList", "metadata": {}, "items": self.flunders}))

    async def _watch(self, writer: Writer) -> None:
        self.watches += 1
        try:
            while True:
                await self.changed.wait()
                self.changed.clear()
                writer.write(orjson.dumps({"type": "ADDED", "object": self.flunders[-1]}) + b"\n")
                await writer.drain()
        except Disconnected:
            raise
        finally:
            self.watches -= 1


async def _echo(tunnel: Tunnel) -> None:
    await tunnel.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    while piece := await tunnel.read():
        await tunnel.write(piece.upper())
    tunnel.close()


@asynccontextmanager
async def extending(serving: Pki, front_proxy: Path) -> AsyncIterator[Extension]:
    """It serves under the name of Service ``default/api`` and takes clients of the CA in ``front_proxy`` only."""
    certificate, key = serving.issue("extension", also=["api.default.svc"])
    extension = Extension()
    server = HttpServer(extension.handle)
    tls = server_context(certificate, key, client_ca=front_proxy, require_client=True)
    extension.port = await server.listen("127.0.0.1", 0, tls=tls)
    try:
        yield extension
    finally:
        await server.stop(0.1)
