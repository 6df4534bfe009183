"""The proxy subresources: through an API server on a socket to a node's port, and where requests for pods and Services
go."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from podo.api import registry
from podo.apiserver.call import Call
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.apiserver.subresources.proxyaddress import is_allowed
from podo.apiserver.subresources.proxyrewrite import Rewriting
from podo.apiserver.subresources.proxytarget import target_of
from podo.http.client import HttpPool
from podo.http.message import Request, Response, Streaming, Tunnel, Upgrade, Writer
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from tests.pki import Pki
from tests.unit.apiserver.world import World, certificate, in_world, pod, service

PROXY = "/api/v1/nodes/n1/proxy"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Path(tmp_path_factory.mktemp("pki")))


class Backend:
    """What stands behind the proxy; remembers the requests."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.bodies: list[bytes] = []
        self.more = asyncio.Event()

    async def handle(self, request: Request) -> Response | Streaming | Upgrade:
        self.seen.append(request)
        if "upgrade" in request.headers:
            return Upgrade(self._echo)
        if request.path == "/slow":
            return Streaming(self._slow, 207, "text/event-stream")
        self.bodies.append(b"".join([piece async for piece in request.chunks()]))
        if request.path == "/away":
            return Response(302, b"", "", [("Location", "/there?x=1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        if request.path == "/page":
            page = gzip.compress(
                b"<a class=x href=\"/rewriteme\">\xff</a><img src='pic.png'><script src=/s.js></script>"
            )
            return Response(200, page, "text/html; charset=utf-8", [("Content-Encoding", "gzip")])
        if request.path == "/large":
            return Response(200, b"x" * 3_000_000, "application/octet-stream")
        return Response(
            418, request.method.encode(), "text/plain", [("X-Own", "yes"), ("Access-Control-Allow-Origin", "*")]
        )

    async def _slow(self, writer: Writer) -> None:
        writer.write(b"first\n")
        await self.more.wait()
        writer.write(b"second\n")

    async def _echo(self, client: Tunnel) -> None:
        await client.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while piece := await client.read():
            await client.write(piece)


@asynccontextmanager
async def _serving(world: World, pki: Pki) -> AsyncIterator[tuple[Backend, HttpPool, int, ssl.SSLContext]]:
    backend = Backend()
    behind = HttpServer(backend.handle)
    kubelet = server_context(*pki.issue("kubelet"), client_ca=pki.ca, require_client=True)
    port = await behind.listen("127.0.0.1", 0, tls=kubelet)
    own, key = pki.issue("api")
    world.server.kubelet = KubeletAccess(client_context(ca=pki.ca, certificate=own, key=key))
    await _node(world, "n1", port)
    front = HttpServer(world.server.handle)
    address = await front.listen("127.0.0.1", 0, tls=server_context(*pki.issue("front"), client_ca=pki.ca))
    admin, key = pki.issue("kubernetes-admin", "system:masters")
    tls = client_context(ca=pki.ca, certificate=admin, key=key)
    pool = HttpPool("127.0.0.1", address, tls=tls)
    try:
        yield backend, pool, address, tls
    finally:
        pool.close()
        await front.stop(0.2)
        await behind.stop(0.2)


async def _node(world: World, name: str, port: int, **info: str) -> None:
    status: dict[str, Any] = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": info,
    }
    await world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status})


def serving(pki: Pki, test: Callable[[World, Backend, HttpPool], Awaitable[None]]) -> None:
    async def within(world: World) -> None:
        async with _serving(world, pki) as (backend, pool, _, _):
            await test(world, backend, pool)

    in_world(within)


def test_a_request_arrives_as_it_was_sent(pki: Pki) -> None:
    async def test(world: World, backend: Backend, pool: HttpPool) -> None:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            sent = b"body of it" if method in ("POST", "PUT", "PATCH") else b""
            headers = {"X-Mine": "1", "Cookie": "c=1", "X-Remote-User": "root"}
            answer = await pool.request(method, f"{PROXY}/a%2Fb/c/?q=%20x&path=/z", headers=headers, body=sent)
            assert (answer.status, answer.body) == (418, method.encode())
            assert answer.headers["x-own"] == "yes" and "access-control-allow-origin" not in answer.headers
            seen = backend.seen[-1]
            assert (seen.method, seen.path, seen.query) == (method, "/a%2Fb/c/", "q=%20x&path=/z")
            assert backend.bodies[-1] == sent
            assert seen.headers["x-mine"] == "1" and seen.headers["cookie"] == "c=1"
            assert seen.headers["x-forwarded-uri"] == f"{PROXY}/a%2Fb/c/" and "x-remote-user" not in seen.headers
        await pool.request("GET", f"{PROXY}?path=/by/option", headers={"Authorization": "Basic x"})
        assert backend.seen[-1].path == "/by/option" and "authorization" not in backend.seen[-1].headers
        head = await pool.request("GET", f"{PROXY}?a=b")
        assert (head.status, head.headers["location"]) == (301, f"{PROXY}/?a=b")
        await pool.request("POST", PROXY, body=b"to the root")
        assert backend.seen[-1].path == "/"

    serving(pki, test)


def test_redirects_and_links_stay_below_the_proxy(pki: Pki) -> None:
    async def test(world: World, backend: Backend, pool: HttpPool) -> None:
        answer = await pool.request("GET", f"{PROXY}/away")
        assert (answer.status, answer.headers["location"]) == (302, f"{PROXY}/there?x=1")
        assert answer.headers["set-cookie"] == "a=1, b=2"
        page = await pool.request("GET", f"{PROXY}/page")
        assert "content-encoding" not in page.headers
        assert page.body == (
            f'<a class=x href="{PROXY}/rewriteme">'.encode()
            + b"\xff</a><img src='pic.png'>"
            + f'<script src="{PROXY}/s.js"></script>'.encode()
        )

    serving(pki, test)


def test_streams_pass_as_they_come_and_large_answers_whole(pki: Pki) -> None:
    async def test(world: World, backend: Backend, pool: HttpPool) -> None:
        stream = await pool.stream("GET", f"{PROXY}/slow")
        assert (stream.status, stream.headers["content-type"]) == (207, "text/event-stream")
        pieces = aiter(stream)
        assert await anext(pieces) == b"first\n"
        backend.more.set()
        assert await anext(pieces) == b"second\n"
        stream.close()
        large = await pool.request("GET", f"{PROXY}/large")
        assert large.body == b"x" * 3_000_000
        sent = bytes(range(256)) * 8000
        await pool.request("PUT", f"{PROXY}/upload", body=sent)
        assert backend.bodies[-1] == sent

    serving(pki, test)


def test_an_upgrade_goes_through(pki: Pki) -> None:
    async def test(world: World) -> None:
        async with _serving(world, pki) as (backend, _, port, tls):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            writer.write(
                f"GET {PROXY}/chat?room=1 HTTP/1.1\r\nHost: front\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, chat\r\n\r\n".encode()
            )
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            seen = backend.seen[-1]
            assert (seen.path, seen.query, seen.headers["sec-websocket-protocol"]) == ("/chat", "room=1", "chat")

    in_world(test)


def test_who_may_is_asked_by_method() -> None:
    async def test(world: World) -> None:
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get", "update"]}],
        }
        await world.client.create(role)
        await world.client.create(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "reader"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"}],
            }
        )
        ann = certificate("ann")
        expected = {"GET": 404, "HEAD": 404, "PUT": 404, "POST": 403, "PATCH": 403, "DELETE": 403, "OPTIONS": 403}
        for method, code in expected.items():
            status, _ = await world.ask(method, "/api/v1/namespaces/default/pods/x:80/proxy/a", who=ann)
            assert status == code, method
        trace = await world.ask("TRACE", "/api/v1/namespaces/default/pods/x/proxy/a")
        assert trace[0] == 405

    in_world(test)


def test_what_cannot_be_reached_says_so() -> None:
    async def test(world: World) -> None:
        await _node(world, "pretended", 10250, kernelVersion="simulated")
        await _node(world, "n1", 10250)
        pods = "/api/v1/namespaces/default/pods"
        services = "/api/v1/namespaces/default/services"
        await world.client.create(pod("web", nodeName="pretended"))
        await world.client.create(pod("local"))
        await world.client.patch(
            "Pod", "local", "default", patch={"status": {"podIP": "127.0.0.1"}}, subresource="status"
        )
        await world.client.create(service("empty"))
        answers = {
            f"{pods}/absent/proxy/": (404, 'pods "absent" not found'),
            f"{pods}/web/proxy/": (503, 'node "pretended" is simulated'),
            f"{pods}/local:8080/proxy/": (400, "address not allowed"),
            f"{pods}/local:x/proxy/": (400, 'invalid port "x"'),
            f"{pods}/ftp:local:1/proxy/": (400, 'invalid pod request "ftp:local:1"'),
            f"{services}/absent/proxy/": (404, 'services "absent" not found'),
            f"{services}/empty:80/proxy/": (503, 'no endpoints available for service "empty:80"'),
            f"{services}/empty:81/proxy/": (503, 'no service port 81 found for service "empty"'),
            "/api/v1/nodes/pretended/proxy/": (503, 'node "pretended" is simulated'),
            "/api/v1/nodes/n1/proxy/": (503, "this API server has no way to kubelets"),
        }
        for path, (code, text) in answers.items():
            status, error = await world.ask("GET", path)
            assert status == code and text in error["message"], (path, error)

    in_world(test)


def test_a_service_goes_to_pods_only() -> None:
    """An EndpointSlice may be written by anybody: an address that no pod has is not gone to."""

    async def test(world: World) -> None:
        await world.client.create(service("web", ports=[{"name": "http", "port": 80}]))
        await world.client.create(pod("a"))
        await world.client.patch("Pod", "a", "default", patch={"status": {"podIP": "10.0.0.7"}}, subresource="status")
        endpoints: list[dict[str, Any]] = [
            {"addresses": ["10.0.0.9"]},
            {"addresses": ["10.0.0.8"], "targetRef": {"kind": "Pod", "name": "a", "namespace": "default"}},
        ]
        made = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "w", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": "http", "port": 8080}],
        }
        made = await world.client.create(made)
        path = "/api/v1/namespaces/default/services"
        assert (await world.ask("GET", f"{path}/web:http/proxy/"))[0] == 503
        endpoints[1]["addresses"] = ["10.0.0.7"]
        await world.client.update({**made, "endpoints": endpoints})
        for asked in ("web:http", "web:80", "http:web:http", "https:web:http"):
            call = Call("get", registry.named("Service"), "default", asked, "proxy")
            target = await target_of(world.server.backend, None, call)
            assert (target.authority, bool(target.tls)) == ("10.0.0.7:8080", asked.startswith("https")), asked
            assert not target.trusted
        assert (await world.ask("GET", f"{path}/web/proxy/"))[0] == 503  # the port has a name

    in_world(test)


def test_addresses_that_are_refused() -> None:
    for address in ("127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "::ffff:127.0.0.1"):
        assert not is_allowed(address), address
    for address in ("", "example.com", "255.255.255.255", "10.0.0.1/8"):
        assert not is_allowed(address), address
    assert is_allowed("10.244.0.7") and is_allowed("fd00::7")


def test_a_name_is_resolved_before_it_is_checked(pki: Pki) -> None:
    async def test(world: World, backend: Backend, pool: HttpPool) -> None:
        node = await world.client.get("Node", "n1")
        node["status"]["addresses"] = [{"type": "Hostname", "address": "localhost"}]
        await world.client.update(node, subresource="status")
        answer = await pool.request("GET", "/api/v1/nodes/n1:9999/proxy/")
        assert answer.status == 400 and b"address not allowed" in answer.body
        assert (await pool.request("GET", f"{PROXY}/x")).status == 418  # the kubelet's own port is trusted

    serving(pki, test)


@pytest.mark.parametrize(
    ("url", "rewritten"),
    [
        ("/x", "/base/x"),
        ("/x/?q=/y#z", "/base/x/?q=/y#z"),
        ("x/y", "x/y"),
        ("http://10.0.0.1:80/x", "/base/x"),
        ("https://client:6443/x", "https://client:6443/base/x"),
        ("https://other/x", "https://other/x"),
        ("//other/x", "//other/x"),
        ("/base/x", "/base/x"),
        ("/based", "/base/based"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_links(url: str, rewritten: str) -> None:
    assert Rewriting("/base", "client:6443", "10.0.0.1:80").link(url) == rewritten
