"""Upgrades through two servers: a TLS client, a server that tunnels, and a second TLS server that echoes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from podo.http import tunnel
from podo.http.message import Handler, Request, Response, Tunnel, Upgrade
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.runtime.loop import run
from tests.pki import Pki

Run = Callable[[Awaitable[Any]], Any]


@pytest.fixture(params=["uvloop", "asyncio"])
def go(request: pytest.FixtureRequest) -> Run:
    return lambda main: run(asyncio.wait_for(main, 120), uvloop=request.param == "uvloop")


@dataclass
class Kubelet:
    """The second server: answers 101 as the protocol wants and echoes; refuses /refused."""

    requests: list[Request] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: Request) -> Response | Upgrade:
        self.requests.append(request)
        if request.path == "/refused":
            return Response(403, b"x" * 300_000, "text/plain")
        key = request.headers.get("sec-websocket-key", "")
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        head = f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {request.headers['upgrade']}\r\n"
        if key:
            head += f"Sec-WebSocket-Accept: {accept.decode()}\r\n"

        async def echo(client: Tunnel) -> None:
            await client.write(head.encode() + b"\r\n")
            while piece := await client.read():
                await client.write(piece)
                if b"hang up" in piece:
                    break
            self.ended.set()

        return Upgrade(echo)


@asynccontextmanager
async def two_servers(pki: Pki) -> AsyncIterator[tuple[Kubelet, int, ssl.SSLContext]]:
    kubelet = Kubelet()
    context = client_context(ca=pki.ca, certificate=pki.issue("api")[0], key=pki.issue("api")[1])
    back = HttpServer(kubelet.handle)
    certificate, key = pki.issue("kubelet")
    back_port = await back.listen(
        "127.0.0.1", 0, tls=server_context(certificate, key, client_ca=pki.ca, require_client=True)
    )

    async def front_handler(request: Request) -> Upgrade:
        port = 1 if request.path == "/nowhere" else back_port
        head = tunnel.request_head(request, request.path + "?changed=1", f"127.0.0.1:{port}")
        return Upgrade(lambda client: tunnel.run(client, head, "127.0.0.1", port, tls=context))

    handler: Handler = front_handler
    front = HttpServer(handler)
    port = await front.listen("127.0.0.1", 0, tls=server_context(*pki.issue("front")))
    try:
        yield kubelet, port, client_context(ca=pki.ca)
    finally:
        await front.stop(0.2)
        await back.stop(0.2)


def spdy(path: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: front",
        "Authorization: Bearer secret",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "X-Stream-Protocol-Version: v4.channel.k8s.io",
        "X-Stream-Protocol-Version: v3.channel.k8s.io",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_an_upgrade_goes_through_to_the_second_server(go: Run, pki: Pki) -> None:
    async def main() -> None:
        async with two_servers(pki) as (kubelet, port, context):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(spdy("/exec") + b"early")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ") and b"Upgrade: SPDY/3.1" in head
            assert await reader.readexactly(5) == b"early"
            sent = bytes(range(256)) * 20_000

            async def send() -> None:
                writer.write(sent)
                await writer.drain()

            _, echoed = await asyncio.gather(send(), reader.readexactly(len(sent)))
            assert echoed == sent
            request = kubelet.requests[0]
            assert (request.method, request.path, request.query) == ("POST", "/exec", "changed=1")
            assert "authorization" not in request.headers
            versions = [value for name, value in request.raw_headers if name == b"X-Stream-Protocol-Version"]  # type: ignore[attr-defined]
            assert versions == [b"v4.channel.k8s.io", b"v3.channel.k8s.io"]
            writer.write(b"hang up")  # the far end closes, and so does ours
            assert await reader.read() == b"hang up"
            writer.close()

    go(main())


def test_websocket_frames_go_through(go: Run, pki: Pki) -> None:
    async def main() -> None:
        async with two_servers(pki) as (kubelet, port, context):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(
                b"GET /exec HTTP/1.1\r\nHost: front\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io\r\n\r\n"
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
            frame = b"\x82\x85\x01\x02\x03\x04" + bytes(
                b ^ m for b, m in zip(b"\x00ping", b"\x01\x02\x03\x04\x01", strict=True)
            )
            writer.write(frame)
            assert await reader.readexactly(len(frame)) == frame
            assert kubelet.requests[0].headers["sec-websocket-protocol"] == "v4.channel.k8s.io"  # the token stays here
            writer.close()

    go(main())


def test_a_client_that_goes_ends_the_far_end(go: Run, pki: Pki) -> None:
    async def main() -> None:
        async with two_servers(pki) as (kubelet, port, context):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(spdy("/exec"))
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            await asyncio.wait_for(kubelet.ended.wait(), 60)

    go(main())


def test_nothing_is_sent_on_after_a_refusal(go: Run, pki: Pki) -> None:
    """A refused upgrade must not leave the client on a connection that has our credentials."""

    async def main() -> None:
        async with two_servers(pki) as (kubelet, port, context):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(spdy("/refused") + b"GET /pods HTTP/1.1\r\nHost: a\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 403 ")
            assert await reader.read() == b"x" * 300_000
            assert [request.path for request in kubelet.requests] == ["/refused"]
            writer.close()

    go(main())


def test_a_second_server_that_is_not_there_is_a_500_status(go: Run, pki: Pki) -> None:
    async def main() -> None:
        async with two_servers(pki) as (_, port, context):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(spdy("/nowhere"))
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 500 ") and b"error dialing backend" in answer
            writer.close()

    go(main())
