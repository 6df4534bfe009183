"""Attacks on the connection itself: TLS, heads and bodies of HTTP, floods of HTTP/2, silent clients."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from podo.http.limits import Limits
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from tests.attacks.table import PODS, SECRETS, Arena, attack
from tests.pki import Pki
from tests.unit.http.h2client import Client

#: Short, and long enough for a busy machine's handshake.
LIMITS = Limits(head_seconds=2, body_seconds=1, idle_seconds=2, linger_seconds=0.2)


@dataclass
class Served:
    server: HttpServer
    port: int
    arena: Arena

    def tls(self, user: str = "") -> ssl.SSLContext:
        certificate, key = self.arena.pki.issue(user) if user else (None, None)
        return client_context(ca=self.arena.pki.ca, certificate=certificate, key=key)

    async def sent(self, *pieces: bytes, seconds: float = 60.0) -> bytes:
        """All that comes back until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls())
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), seconds)
        return b""

    async def answers(self) -> None:
        """It is as it was: others are served."""
        said = await self.sent(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in said


@asynccontextmanager
async def served(arena: Arena, limits: Limits = LIMITS) -> AsyncIterator[Served]:
    server = HttpServer(arena.world.server.handle, limits)
    port = await server.listen("127.0.0.1", 0, tls=server_context(*arena.pki.issue("served"), client_ca=arena.pki.ca))
    found = Served(server, port, arena)
    try:
        yield found
        await found.answers()
    finally:
        await server.stop(0.1)


@attack("plain HTTP on the secure port", "CWE-319 cleartext", "the address")
async def _(arena: Arena) -> None:
    async with served(arena) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionError):
            said = await asyncio.wait_for(reader.read(), 60)
            assert b"200" not in said and b"APIVersions" not in said
        writer.close()


@attack("an old version of TLS, or a weak cipher", "downgrade, CWE-326", "the address")
async def _(arena: Arena) -> None:
    async with served(arena) as found:
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            assert not await _shakes(found, maximum=version)
        for ciphers in ("NULL:eNULL", "RC4:3DES:DES", "ADH:AECDH", "AES128-SHA:AES256-SHA", "CAMELLIA:SEED:IDEA"):
            assert not await _shakes(found, ciphers=ciphers), ciphers
        assert await _shakes(found)


async def _shakes(found: Served, *, maximum: ssl.TLSVersion | None = None, ciphers: str = "") -> bool:
    context = found.tls()
    try:
        if maximum:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = maximum
        if ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        _, writer = await asyncio.open_connection("127.0.0.1", found.port, ssl=context)
    except (ssl.SSLError, OSError):
        return False
    writer.close()
    return True


@attack("a client's certificate of another authority", "CWE-295", "a certificate of one's own authority")
async def _(arena: Arena) -> None:
    (arena.folder / "other").mkdir()
    certificate, key = Pki(arena.folder / "other").issue("kubernetes-admin", "system:masters")
    async with served(arena) as found:
        context = client_context(ca=arena.pki.ca, certificate=certificate, key=key)
        said = b""
        with suppress(ssl.SSLError, OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", found.port, ssl=context)
            writer.write(f"GET {SECRETS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            said = await asyncio.wait_for(reader.read(), 60)
            writer.close()
        assert b" 200 " not in said


GET = f"GET {PODS} HTTP/1.1\r\nHost: x\r\n".encode()
POST = f"POST {PODS} HTTP/1.1\r\nHost: x\r\n".encode()
INNER = f"GET {SECRETS}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n".encode()
#: Requests that two readers could end at different places.
SMUGGLED = {
    "both lengths": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(INNER) + INNER,
    "a length with a sign": POST + b"Content-Length: +0\r\n\r\n" + INNER,
    "a length in a list": POST + b"Content-Length: 0, 5\r\n\r\n" + INNER,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + INNER,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a space before the colon": POST + b"Content-Length : 5\r\n\r\n" + INNER,
    "a folded line": POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a bare carriage return": POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a chunk's size with a prefix": POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n" + INNER,
    "a chunk's size without end": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + INNER,
    "two hosts": GET + b"Host: y\r\n\r\n" + INNER,
    "no host": b"GET /api HTTP/1.1\r\n\r\n" + INNER,
    "a null in a header": GET + b"X: a\0b\r\n\r\n" + INNER,
}


def _smuggled(what: str, data: bytes) -> None:
    @attack(f"a request within a request: {what}", "CWE-444 request smuggling", "a connection shared with others")
    async def _(arena: Arena) -> None:
        async with served(arena) as found:
            said = await found.sent(data)
            assert b"smuggled" not in said, said
            assert b" 200 " not in said


for _what, _data in SMUGGLED.items():
    _smuggled(_what, _data)


@attack("heads that are too large or too many", "CWE-770, oversized headers", "the address")
async def _(arena: Arena) -> None:
    async with served(arena) as found:
        for head in (
            GET + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
            GET + b"".join(b"X%d: a\r\n" % n for n in range(500)) + b"\r\n",
            b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"A" * 200_000,
        ):
            said = await found.sent(head)
            assert said[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 414", b"HTTP/1.1 431")


@attack("clients that say little, or nothing", "slow clients (Slowloris)", "many connections")
async def _(arena: Arena) -> None:
    async with served(arena) as found:
        starts = (b"", b"G", GET, GET + b"X: ", POST + b"Content-Length: 100\r\n\r\nabc", b"PRI * HTTP/2.0\r\n")
        await asyncio.gather(*(found.sent(start) for start in starts * 5))


@attack("connections that never shake hands", "slow clients", "many connections")
async def _(arena: Arena) -> None:
    async with served(arena) as found:
        opened = [await asyncio.open_connection("127.0.0.1", found.port) for _ in range(20)]
        await found.answers()
        for reader, writer in opened:
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()


@attack("a body without end, in chunks", "CWE-770, oversized bodies", "the address")
async def _(arena: Arena) -> None:
    async with served(arena) as found:
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        said = await found.sent(POST + b"Transfer-Encoding: chunked\r\n\r\n", *([chunk] * 100))
        assert b" 201 " not in said


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


HEAD = b"\x82\x87\x84\x41\x01a"
CANCEL = b"\0\0\0\x08"
#: Floods of HTTP/2 and the frames of round ``n`` of each.
FLOODS = {
    "rapid reset (CVE-2023-44487)": lambda n: frame(1, 5, 2 * n + 1, HEAD) + frame(3, 0, 2 * n + 1, CANCEL),
    "settings (CVE-2019-9515)": lambda n: frame(4, 0, 0, b""),
    "pings (CVE-2019-9512)": lambda n: frame(6, 0, 0, b"12345678"),
    "continuation (CVE-2024-27316)": lambda n: frame(1, 0, 1, HEAD) if n == 0 else frame(9, 0, 1, b"\x82"),
    "empty frames (CVE-2019-9518)": lambda n: frame(1, 4, 1, HEAD) if n == 0 else frame(0, 0, 1, b""),
    "made the server reset (CVE-2025-8671)": lambda n: (
        frame(1, 5, 2 * n + 1, HEAD) + frame(8, 0, 2 * n + 1, b"\0\0\0\0")
    ),
}


def _flood(what: str) -> None:
    @attack(f"a flood of {what}", "HTTP/2 floods", "one connection")
    async def _(arena: Arena) -> None:
        async with served(arena, Limits(linger_seconds=0.1)) as found:
            client = await Client.dial(found.port, found.tls(), start=False)
            client.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            for start in range(0, 20_000, 200):
                if client.closed:
                    break
                client.raw(b"".join(FLOODS[what](n) for n in range(start, start + 200)))
                await asyncio.sleep(0)
            await client.wait_for(lambda: client.closed)
            await client.close()


for _name in FLOODS:
    _flood(_name)


@attack("a table of headers that unpacks to much", "HPACK bomb, CVE-2016-1544's class", "one connection")
async def _(arena: Arena) -> None:
    async with served(arena, Limits(linger_seconds=0.1)) as found:
        client = await Client.dial(found.port, found.tls())
        named = [(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/version")]
        stream = client.send([*named, *([("x", "a" * 3000)] * 12_000)])  # a byte each, after the first
        got = await client.answer(stream)
        assert client.closed or got.reset is not None or got.status == 431
        await client.close()
