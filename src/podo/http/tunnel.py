"""Byte tunnels: a client's upgrade request sent on to another server, and then bytes copied both ways.

Nothing of the client's but the head of its request reaches the other server before that server has answered 101: what
followed a refused upgrade would be taken there as another request, with our credentials (CVE-2018-1002105).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import cast

import httptools

from podo.http.head import refusal, response_head
from podo.http.keepalive import keep_alive
from podo.http.message import Disconnected, Request, Tunnel
from podo.http.websocket import TOKEN_PROTOCOL
from podo.http.writer import Gate, RawTunnel
from podo.runtime.tasks import Tasks

CONNECT_SECONDS = 10.0
#: Until the other server answers the head.
HEAD_SECONDS = 30.0
#: For the rest of an answer that is not 101.
REFUSAL_SECONDS = 10.0
#: For what the other server still sends after the client said that it sends no more.
HALF_CLOSED_SECONDS = 30.0
#: The same where the other server cannot be told so, which is with TLS.
FLUSH_SECONDS = 1.0
_HEAD = 64 * 1024
_REFUSAL = 1024 * 1024

#: Headers that are not sent on: they are about us, or the other server would take them for ours.
_KEPT_BACK = ("host", "authorization", "expect", "cookie", "x-remote-", "impersonate-")


class _Outgoing(asyncio.Protocol):
    """Our end of a connection to the other server."""

    def __init__(self) -> None:
        self._gate = Gate()
        self._half_closes = False
        self.tunnel: RawTunnel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        keep_alive(stream)
        self._half_closes = stream.can_write_eof()  # TLS does not

        def pause(paused: bool) -> None:
            if not stream.is_closing():
                (stream.pause_reading if paused else stream.resume_reading)()

        self.tunnel = RawTunnel(stream, self._gate, b"", pause)

    def data_received(self, data: bytes) -> None:
        self.tunnel.feed(data)

    def eof_received(self) -> bool:
        self.tunnel.feed_eof()
        return self._half_closes

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.lose()
        self.tunnel.feed_eof()

    def pause_writing(self) -> None:
        self._gate.pause()

    def resume_writing(self) -> None:
        self._gate.open()


async def connect(host: str, port: int, tls: ssl.SSLContext | None = None, server_name: str = "") -> RawTunnel:
    """A tunnel to ``host:port``; OSError or TimeoutError if there is none."""
    loop = asyncio.get_running_loop()
    name = (server_name or host) if tls else None
    async with asyncio.timeout(CONNECT_SECONDS):
        _, made = await loop.create_connection(_Outgoing, host, port, ssl=tls, server_hostname=name)
    return made.tunnel


def request_head(request: Request, target: str, host: str) -> bytes:
    """The head of ``request`` as bytes to send on to ``host``, asking for ``target`` there."""
    fields: Sequence[tuple[bytes, bytes]] = getattr(request, "raw_headers", ()) or [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()
    ]
    lines = [f"{request.method} {target} HTTP/1.1".encode("ascii"), b"Host: " + host.encode("ascii")]
    for name, value in fields:
        lower = name.decode("latin-1").lower()
        if lower == "sec-websocket-protocol":
            value = without_token(value)
        if value and not lower.startswith(_KEPT_BACK):
            lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def without_token(protocols: bytes) -> bytes:
    """WebSocket subprotocols but for the one that browsers carry their credentials in."""
    offered = [protocol.strip() for protocol in protocols.split(b",")]
    return b", ".join(one for one in offered if not one.startswith(TOKEN_PROTOCOL.encode()))


async def run(
    client: Tunnel, head: bytes, host: str, port: int, *, tls: ssl.SSLContext | None = None, server_name: str = ""
) -> None:
    """Send ``head`` to ``host:port`` and, when it answers 101, copy bytes both ways until one end is done.

    An answer that refuses is given to the client, and the connection ends. A server that cannot be reached, and one
    that neither agrees nor refuses, is a 500 Status, as of upstream's proxy: where a redirection by another server
    leads, no client should go with the credentials that it has for this one (CVE-2020-8559).
    """
    try:
        server = await connect(host, port, tls, server_name)
    except TimeoutError:
        return await _answer(client, 500, f"error dialing backend: {host}:{port} did not answer in time")
    except OSError as failure:
        return await _answer(client, 500, f"error dialing backend: {failure}")
    try:
        await server.write(head)
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                answer = await _head_of(server)
        except (TimeoutError, Disconnected):
            return await _answer(client, 504, "error dialing backend: it did not answer the request")
        code = _code_of(answer)
        if code != 101 and code < 400:
            return await _answer(client, 500, f"invalid upgrade response: status code {code}")
        await client.write(answer)
        if code == 101:
            await _both_ways(client, server, HALF_CLOSED_SECONDS if tls is None else FLUSH_SECONDS)
        else:
            await _rest_of_refusal(client, server, answer)
    except Disconnected:
        pass
    finally:
        server.close()
        client.close()
    return None


async def _answer(client: Tunnel, code: int, message: str) -> None:
    body = refusal(code, message)
    head = response_head(code, "application/json", (), b"Content-Length: %d\r\n" % len(body), True)
    await client.write(head + body)
    client.close()


async def _head_of(server: Tunnel) -> bytes:
    """What the server answers, up to the end of the head at least."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = await server.read()
        if not piece or len(answer) > _HEAD:
            raise Disconnected("no answer")
        answer += piece
    return answer


def _code_of(answer: bytes) -> int:
    """The status of an answer, 0 where it has none."""
    code = answer.split(b" ", 2)[1:2]
    return int(code[0][:3]) if code and code[0][:3].isdigit() else 0


class _End:
    """Told by the parser when an answer is complete."""

    def __init__(self) -> None:
        self.reached = False

    def on_message_complete(self) -> None:
        self.reached = True


async def _rest_of_refusal(client: Tunnel, server: Tunnel, answer: bytes) -> None:
    end = _End()
    parser = httptools.HttpResponseParser(end)
    sent = 0
    try:
        async with asyncio.timeout(REFUSAL_SECONDS):
            parser.feed_data(answer)
            while not end.reached and sent < _REFUSAL and (piece := await server.read()):
                parser.feed_data(piece)
                sent += len(piece)
                await client.write(piece)
    except (TimeoutError, httptools.HttpParserError):
        return


async def _both_ways(client: Tunnel, server: Tunnel, half_closed_seconds: float) -> None:
    tasks = Tasks("tunnel")
    upward = tasks.spawn(_copy(client, server), "to the server")
    downward = tasks.spawn(_copy(server, client), "to the client")
    try:
        await asyncio.wait((upward, downward), return_when=asyncio.FIRST_COMPLETED)
        # A server that is done has closed; a client that is done may still wait for what the server has to say.
        if not downward.done():
            await asyncio.wait((downward,), timeout=half_closed_seconds)
    finally:
        await tasks.stop(1.0)


async def _copy(source: Tunnel, target: Tunnel) -> None:
    try:
        while piece := await source.read():
            await target.write(piece)
        target.write_eof()
    except Disconnected:
        return
