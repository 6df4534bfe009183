"""Garbage collection and the end of namespaces reach the objects of extension API servers: here another API server with
a custom kind, behind the aggregation layer of a whole control plane."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.api.parts.systemnames import MASTERS
from podo.apiserver.aggregating import AggregatingClient
from podo.client.contract import Client
from podo.cluster.controlplane import ControlPlane, Settings
from podo.http.message import Peer
from podo.http.server import HttpServer
from podo.http.tls import server_context
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.memory import MemoryStore
from tests.pki import Pki
from tests.unit.apiserver.aggregation.test_aggregation import add_endpoints, api_service, identity
from tests.unit.apiserver.test_watch_websocket import Socket
from tests.unit.apiserver.world import ADMIN, World

Obj = dict[str, Any]
FLUNDER = "wardle.example.com/Flunder"
NAME = "v1alpha1.wardle.example.com"


@pytest.fixture(scope="module")
def pkis(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pki, Pki]:
    return Pki(Path(tmp_path_factory.mktemp("serving"))), Pki(Path(tmp_path_factory.mktemp("front")))


def definition() -> Obj:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "flunders", "kind": "Flunder", "singular": "flunder", "listKind": "FlunderList"}
    versions = [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}]
    spec = {"group": "wardle.example.com", "scope": "Namespaced", "names": names, "versions": versions}
    metadata = {"name": "flunders.wardle.example.com"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def flunder(name: str, namespace: str = "default", owner: Obj | None = None) -> Obj:
    metadata: Obj = {"name": name, "namespace": namespace}
    if owner is not None:
        metadata["ownerReferences"] = [reference(owner)]
    return {"apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder", "metadata": metadata}


def reference(owner: Obj) -> Obj:
    named = {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **named}


def configmap(name: str, owner: Obj | None = None) -> Obj:
    metadata: Obj = {"name": name, "namespace": "default"}
    if owner is not None:
        metadata["ownerReferences"] = [reference(owner)]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@asynccontextmanager
async def extension(pkis: tuple[Pki, Pki]) -> AsyncIterator[tuple[int, HttpServer]]:
    """It believes the front proxy, and lets everybody do everything. Its port, and itself."""
    world = await World(front_proxy_ca=pkis[1].ca.read_bytes()).start()
    made = await world.client.create(definition())
    moment = {"status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [{"type": one, **moment} for one in ("NamesAccepted", "Established")]
    named = {"acceptedNames": made["spec"]["names"], "storedVersions": ["v1alpha1"]}
    await world.client.update({**made, "status": {"conditions": conditions, **named}}, subresource="status")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}
    binding: Obj = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
    await world.client.create({**binding, "metadata": {"name": "all"}, "roleRef": role, "subjects": [group]})
    for name in ("team", "other"):
        await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    certificate, key = pkis[0].issue("extension", also=["api.default.svc"])
    server = HttpServer(world.server.handle)
    port = await server.listen("127.0.0.1", 0, tls=server_context(certificate, key, client_ca=pkis[1].ca))
    try:
        yield port, server
    finally:
        await server.stop(0.1)
        await world.store.close()


class Cluster:
    def __init__(self, plane: ControlPlane, server: HttpServer) -> None:
        self.plane, self.server = plane, server
        self.client: Client = AggregatingClient(plane.api, "admin", (MASTERS,))

    async def gone(self, kind: str, name: str, namespace: str = "default") -> None:
        while True:
            try:
                await self.client.get(kind, name, namespace)
            except ApiError as error:
                assert error.reason == "NotFound", error
                return
            await asyncio.sleep(0.01)


def in_cluster(pkis: tuple[Pki, Pki], test: Callable[[Cluster], Awaitable[None]]) -> None:
    async def main() -> None:
        settings = Settings(front_proxy=identity(pkis))
        plane = ControlPlane(MemoryStore(stamp), SystemClock(), Chance(1), settings, checked=True)
        async with asyncio.timeout(60), extension(pkis) as (port, server):
            await plane.start()
            await plane.start_loops()
            cluster = Cluster(plane, server)
            try:
                await register(plane, port, base64.b64encode(pkis[0].ca.read_bytes()).decode())
                await test(cluster)
            finally:
                await plane.stop()

    asyncio.run(main())


async def register(plane: ControlPlane, port: int, bundle: str) -> None:
    spec = {"ports": [{"name": "https", "port": 7443, "protocol": "TCP"}]}
    metadata = {"name": "api", "namespace": "default"}
    await plane.client.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    world = World.__new__(World)
    world.store = plane.api.backend.store  # type: ignore[assignment]
    await add_endpoints(world, port)
    await plane.client.create(api_service(bundle))
    while FLUNDER not in plane.api.extension_kinds or not plane.cache.source(FLUNDER):
        await asyncio.sleep(0.01)


def test_owners_and_dependents_may_be_elsewhere(pkis: tuple[Pki, Pki]) -> None:
    async def test(cluster: Cluster) -> None:
        client = cluster.client
        owner = await client.create(configmap("owner"))
        await client.create(flunder("owned", owner=owner))
        root = await client.create(flunder("root"))
        await client.create(configmap("dependent", owner=root))
        await client.create(flunder("lost", owner={**owner, "metadata": {"name": "none", "uid": "1-2-3"}}))
        await cluster.gone(FLUNDER, "lost")
        await client.delete("ConfigMap", "owner", "default")
        await cluster.gone(FLUNDER, "owned")
        await client.get(FLUNDER, "root", "default")
        await client.get("ConfigMap", "dependent", "default")
        await client.delete(FLUNDER, "root", "default")
        await cluster.gone("ConfigMap", "dependent")

    in_cluster(pkis, test)


def test_a_namespace_takes_along_what_is_elsewhere(pkis: tuple[Pki, Pki]) -> None:
    async def test(cluster: Cluster) -> None:
        client = cluster.client
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        for number in range(3):
            await client.create(flunder(f"f{number}", "team"))
        await client.create(flunder("stays"))
        await client.delete("Namespace", "team")
        await cluster.gone("Namespace", "team", "")
        assert [one["metadata"]["name"] for one in (await client.list(FLUNDER)).items] == ["stays"]

    in_cluster(pkis, test)


def test_a_namespace_waits_for_a_server_that_does_not_answer(pkis: tuple[Pki, Pki]) -> None:
    async def test(cluster: Cluster) -> None:
        client = cluster.client
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        await cluster.server.stop(0.1)
        await client.patch("APIService", NAME, patch={"metadata": {"labels": {"look": "again"}}})
        await client.delete("Namespace", "other")
        while not (told := await failure_of(client)):
            await asyncio.sleep(0.01)
        version = "wardle.example.com/v1alpha1"
        why = f"unable to retrieve the complete list of server APIs: {version}: stale GroupVersion discovery: {version}"
        assert told == ("DiscoveryFailed", f"Discovery failed for some groups, 1 failing: {why}")
        await client.delete("APIService", NAME)
        await cluster.gone("Namespace", "other", "")

    in_cluster(pkis, test)


def test_a_watch_by_websocket_passes_through(pkis: tuple[Pki, Pki]) -> None:
    async def test(cluster: Cluster) -> None:
        async def handle(request: Any) -> Any:
            request.peer = Peer("127.0.0.1:1", ADMIN)
            return await cluster.plane.api.handle(request)

        server = HttpServer(handle)
        reader, writer = await asyncio.open_connection("127.0.0.1", await server.listen("127.0.0.1", 0))
        target = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders?watch=true"
        lines = [f"GET {target} HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        socket = Socket(reader, writer, (await reader.readuntil(b"\r\n\r\n")).decode())
        assert socket.head.startswith("HTTP/1.1 101")
        for name in "ab":
            await cluster.client.create(flunder(name))
            assert (await socket.event())["object"]["metadata"]["name"] == name
        writer.close()
        await server.stop(0.5)

    in_cluster(pkis, test)


async def failure_of(client: Client) -> tuple[str, str] | None:
    namespace = await client.get("Namespace", "other")
    for condition in (namespace.get("status") or {}).get("conditions") or ():
        if condition["type"] == "NamespaceDeletionDiscoveryFailure" and condition["status"] == "True":
            return condition["reason"], condition["message"]
    return None
