"""Messages sent by WebSocket: the handshake, frames of every length, pings, and who closes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from podo.http import websocket
from podo.http.message import Request, Response, Upgrade
from podo.http.server import HttpServer

#: The example of RFC 6455, 1.3, and its answer.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
MASK = b"\x01\x02\x03\x04"


class Client:
    """One that writes frames by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def frame(self) -> tuple[int, bytes]:
        first, size = await self.reader.readexactly(2)
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        return first, await self.reader.readexactly(size)

    def send(self, kind: int, payload: bytes, *, size: bytes = b"") -> None:
        length = size or bytes((0x80 | len(payload),))
        masked = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
        self.writer.write(bytes((0x80 | kind,)) + length + MASK + masked)


async def messages(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def endless() -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.Event().wait()


def talk(
    story: Callable[[Client, bytes], Awaitable[None]], made: Callable[[], AsyncIterator[bytes]], *, offered: str = ""
) -> None:
    """Connect to a server that sends ``made()``; ``story`` gets the client and the head of the answer."""

    async def handle(request: Request) -> Response | Upgrade:
        assert websocket.is_wanted(request)
        try:
            protocol = websocket.agreed(request, ("one", "two"))
        except websocket.NoAgreement as refused:
            return Response(403, str(refused).encode())
        return Upgrade(lambda tunnel: websocket.send(tunnel, request, protocol, made()))

    async def whole() -> None:
        server = HttpServer(handle)
        port = await server.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = ["GET / HTTP/1.1", "Host: a", "Connection: keep-alive, Upgrade", "Upgrade: websocket"]
        lines += [f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Protocol: {offered}"] if offered else []
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            async with asyncio.timeout(60):
                await story(Client(reader, writer), await reader.readuntil(b"\r\n\r\n"))
        finally:
            writer.close()
            await server.stop(0.5)

    asyncio.run(whole())


def test_messages_of_every_length_and_then_the_end() -> None:
    sizes = (0, 1, 125, 126, 65535, 65536, 300_000)

    async def story(client: Client, head: bytes) -> None:
        assert head.startswith(b"HTTP/1.1 101 ") and ACCEPT in head and b"Sec-WebSocket-Protocol: two\r\n" in head
        assert [await client.frame() for _ in sizes] == [(0x82, b"x" * size) for size in sizes]
        assert await client.frame() == (0x88, b"\x03\xe8")
        client.send(0x8, b"\x03\xe8")
        assert await client.reader.read() == b""

    talk(story, lambda: messages(*sizes), offered="other, two, one")


def test_pings_are_answered_messages_dropped_and_a_close_is_an_end() -> None:
    async def story(client: Client, head: bytes) -> None:
        assert b"Sec-WebSocket-Protocol" not in head
        assert await client.frame() == (0x82, b"first")
        client.send(0x2, b"y" * 70_000, size=b"\xff" + (70_000).to_bytes(8, "big"))
        client.send(0x1, b"z" * 200, size=b"\xfe" + (200).to_bytes(2, "big"))
        client.send(0x9, b"are you there?")
        assert await client.frame() == (0x8A, b"are you there?")
        client.send(0x8, b"")
        assert await client.frame() == (0x88, b"\x03\xe8")
        assert await client.reader.read() == b""

    talk(story, endless)


@pytest.mark.parametrize("sent", [b"\x82\x01a", b"\x89\xfe\x00\x80" + MASK])
def test_frames_that_no_client_may_send_are_an_end(sent: bytes) -> None:
    async def story(client: Client, head: bytes) -> None:
        assert await client.frame() == (0x82, b"first")
        client.writer.write(sent)
        assert await client.frame() == (0x88, b"\x03\xe8")

    talk(story, endless)


def test_none_of_the_protocols_is_spoken() -> None:
    async def story(client: Client, head: bytes) -> None:
        assert head.startswith(b"HTTP/1.1 403 ")

    talk(story, endless, offered="three")
