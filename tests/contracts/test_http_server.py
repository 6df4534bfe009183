"""What an HTTP server of podo promises, on both event loops, over plain TCP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from podo.http.limits import Limits
from podo.http.message import Disconnected, Handler, Request, Response, Streaming, Tunnel, Upgrade, Writer
from podo.http.server import HttpServer
from podo.runtime.loop import run

QUICK = Limits(head_seconds=0.2, body_seconds=0.2, linger_seconds=0.2, idle_seconds=0.3, stall_seconds=0.3)


@pytest.fixture(params=["uvloop", "asyncio"])
def go(request: pytest.FixtureRequest) -> Callable[[Awaitable[Any]], Any]:
    return lambda main: run(asyncio.wait_for(main, 120), uvloop=request.param == "uvloop")


class Wire:
    """A client that says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 60)
        first, *lines = raw.decode().rstrip("\r\n").split("\r\n")
        return int(first.split(" ")[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}

    async def answer(self) -> tuple[int, bytes]:
        status, headers = await self.head()
        if "transfer-encoding" in headers:
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
            return status, body
        return status, await self.reader.readexactly(int(headers.get("content-length", "0")))

    async def ended(self) -> bytes:
        """What is left up to the end of the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), 60)
        except ConnectionError:
            return b""


@asynccontextmanager
async def serving(handler: Handler, limits: Limits | None = None) -> AsyncIterator[tuple[HttpServer, Any]]:
    server = HttpServer(handler, limits or Limits())
    port = await server.listen("127.0.0.1", 0)
    wires: list[Wire] = []

    async def dial() -> Wire:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
        wires.append(wire)
        return wire

    try:
        yield server, dial
    finally:
        for wire in wires:
            wire.writer.close()
        await server.stop(1.0)


async def echo(request: Request) -> Response:
    body = await request.body(64 << 20)
    said = {"method": request.method, "path": request.path, "query": request.query, "body": body.decode("latin-1")}
    return Response(200, json.dumps(said | {"headers": dict(request.headers)}).encode())


def get(path: str = "/", *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *lines, "", ""]).encode()


def test_requests_follow_each_other_on_a_connection(go: Any) -> None:
    async def main() -> None:
        async with serving(echo) as (_, dial):
            wire = await dial()
            for number in range(3):
                wire.send(get(f"/a/{number}?x=%20y", "X-One: 1", "x-one: 2"))
                status, body = await wire.answer()
                said = json.loads(body)
                assert (status, said["path"], said["query"]) == (200, f"/a/{number}", "x=%20y")
                assert said["headers"]["x-one"] == "1, 2"

    go(main())


def test_pipelined_requests_are_answered_in_order(go: Any) -> None:
    async def slow_first(request: Request) -> Response:
        if request.path == "/0":
            await asyncio.sleep(0.02)
        return Response(200, request.path.encode() + b":" + await request.body(100))

    async def main() -> None:
        async with serving(slow_first) as (_, dial):
            wire = await dial()
            posts = [
                f"POST /{n} HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nb{n % 10}".encode() for n in range(200)
            ]
            data = b"".join(posts)
            wire.send(data[:777])
            await asyncio.sleep(0.005)
            wire.send(data[777:])
            for number in range(200):
                assert await wire.answer() == (200, f"/{number}:b{number % 10}".encode())

    go(main())


def test_a_head_may_come_a_byte_at_a_time(go: Any) -> None:
    async def main() -> None:
        async with serving(echo) as (_, dial):
            wire = await dial()
            for (
                byte
            ) in b"POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n":
                wire.send(bytes([byte]))
                await asyncio.sleep(0)
            status, body = await wire.answer()
            assert (status, json.loads(body)["body"]) == (200, "abc")
            assert "t" not in json.loads(body)["headers"]

    go(main())


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 300_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_ends(go: Any, data: bytes, status: int) -> None:
    seen: list[str] = []

    async def handler(request: Request) -> Response:
        seen.append(request.path)
        return Response()

    async def main() -> None:
        async with serving(handler) as (_, dial):
            wire = await dial()
            wire.send(data + get("/smuggled"))
            found, body = await wire.answer()
            assert (found, json.loads(body)["kind"]) == (status, "Status")
            assert await wire.ended() == b""
        assert seen == []

    go(main())


def test_a_handler_that_breaks_is_a_500_status_and_the_connection_stays(go: Any) -> None:
    async def handler(request: Request) -> Response:
        if request.path == "/head":
            return Response(headers=(("X-A", "a\r\nSet-Cookie: b"),))
        if request.path == "/":
            raise KeyError("oops")
        return Response(200, b"fine")

    async def main() -> None:
        async with serving(handler) as (_, dial):
            wire = await dial()
            for path in ("/", "/head"):
                wire.send(get(path))
                status, body = await wire.answer()
                assert (status, json.loads(body)["reason"]) == (500, "InternalError")
                assert b"oops" not in body
            wire.send(get("/x"))
            assert await wire.answer() == (200, b"fine")

    go(main())


def test_bodies_over_the_handlers_limit_are_refused_and_the_answer_can_be_read(go: Any) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, await request.body(1000))

    async def main() -> None:
        async with serving(handler, QUICK) as (_, dial):
            wire = await dial()
            wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
            assert (await wire.answer())[0] == 413
            wire = await dial()
            wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000)
            wire.send(b"\r\n1\r\nx\r\n")
            assert (await wire.answer())[0] == 413
            assert await wire.ended() == b""

    go(main())


def test_a_large_upload_is_taken_in_bounded_memory(go: Any) -> None:
    size, most = 64 << 20, 0

    async def handler(request: Any) -> Response:
        nonlocal most
        total = 0
        async for piece in request.chunks():
            total += len(piece)
            most = max(most, request.buffered)
        return Response(200, str(total).encode())

    async def main() -> None:
        async with serving(handler) as (_, dial):
            wire = await dial()
            wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            piece = b"x" * (1 << 20)
            for _ in range(size >> 20):
                wire.send(piece)
                await wire.writer.drain()
            assert await wire.answer() == (200, str(size).encode())
        assert most < 1 << 20

    go(main())


def test_continue_is_said_only_when_the_body_is_wanted(go: Any) -> None:
    async def handler(request: Request) -> Response:
        return await echo(request) if request.path == "/wanted" else Response(403, b"no")

    async def main() -> None:
        async with serving(handler) as (_, dial):
            head = "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            wire = await dial()
            wire.send((head % "/wanted").encode())
            assert (await wire.head())[0] == 100
            wire.send(b"ab")
            assert json.loads((await wire.answer())[1])["body"] == "ab"
            wire = await dial()
            wire.send((head % "/unwanted").encode())
            assert await wire.answer() == (403, b"no")
            assert await wire.ended() == b""

    go(main())


def test_bodies_of_many_parts_arrive_whole_and_let_others_have_their_turn(go: Any) -> None:
    parts = [b"%06d" % n * 500 for n in range(10_000)]

    async def handler(request: Request) -> Response:
        return Response(200, parts if request.path == "/list" else b"small")

    async def main() -> None:
        async with serving(handler) as (_, dial):
            slow, quick = await dial(), await dial()
            slow.send(get("/list"))
            status, headers = await slow.head()
            assert (status, headers["content-length"]) == (200, str(30_000_000))
            quick.send(get("/"))  # while the list waits for its reader
            assert await quick.answer() == (200, b"small")
            assert await slow.reader.readexactly(30_000_000) == b"".join(parts)

    go(main())


def test_streams_arrive_as_they_are_written_and_end_in_order(go: Any) -> None:
    async def main() -> None:
        more = asyncio.Event()

        async def produce(writer: Writer) -> None:
            writer.write(b"one\n")
            writer.write_all([b"tw", b"o\n"])
            await more.wait()
            writer.write(b"three\n")

        async def handler(request: Request) -> Streaming:
            return Streaming(produce)

        async with serving(handler) as (_, dial):
            wire = await dial()
            wire.send(get())
            await wire.head()
            assert (
                await wire.reader.readexactly(len(b"4\r\none\n\r\n4\r\ntwo\n\r\n")) == b"4\r\none\n\r\n4\r\ntwo\n\r\n"
            )
            more.set()
            assert await wire.reader.readuntil(b"0\r\n\r\n") == b"6\r\nthree\n\r\n0\r\n\r\n"
            wire.send(get())  # and the connection is good for another
            assert (await wire.answer())[0] == 200
            old = await dial()
            old.send(b"GET / HTTP/1.0\r\n\r\n")
            assert (await old.ended()).endswith(b"\r\n\r\none\ntwo\nthree\n")

    go(main())


def test_a_stream_that_breaks_does_not_end_in_order(go: Any) -> None:
    async def produce(writer: Writer) -> None:
        writer.write(b"half")
        raise ValueError("oops")

    async def handler(request: Request) -> Streaming:
        return Streaming(produce)

    async def main() -> None:
        async with serving(handler) as (_, dial):
            wire = await dial()
            wire.send(get())
            assert (await wire.ended()).endswith(b"4\r\nhalf\r\n")

    go(main())


def test_a_stream_ends_when_its_client_goes(go: Any) -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def produce(writer: Writer) -> None:
            try:
                writer.write(b"x")
                await writer.wait_closed()
            finally:
                ended.set()

        async def handler(request: Request) -> Streaming:
            return Streaming(produce)

        async with serving(handler) as (server, dial):
            wire = await dial()
            wire.send(get())
            await wire.head()
            wire.writer.close()
            await asyncio.wait_for(ended.wait(), 60)
            while server.connections:
                await asyncio.sleep(0.005)

    go(main())


def test_a_reader_that_does_not_read_holds_the_writer_and_is_ended(go: Any) -> None:
    async def main() -> None:
        written = 0
        failed = asyncio.Event()

        async def produce(writer: Writer) -> None:
            nonlocal written
            try:
                while written < 1 << 30:
                    writer.write(b"x" * 65536)
                    written += 65536
                    await writer.drain()
            except (Disconnected, asyncio.CancelledError):
                failed.set()
                raise

        async def handler(request: Request) -> Streaming:
            return Streaming(produce)

        async with serving(handler, QUICK) as (_, dial):
            wire = await dial()
            wire.send(get())
            await asyncio.wait_for(failed.wait(), 60)
        assert written < 64 << 20

    go(main())


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        (b"", False),
        (b"GET / HT", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", False),
        (get(), True),
        (get() + b"GET / HT", True),
    ],
)
def test_slow_and_silent_clients_are_ended(go: Any, data: bytes, answered: bool) -> None:
    async def main() -> None:
        async with serving(echo, QUICK) as (server, dial):
            wire = await dial()
            wire.send(data)
            assert bool(await wire.ended()) == answered
            while server.connections:
                await asyncio.sleep(0.005)

    go(main())


def test_a_client_that_goes_in_the_middle_of_a_body_is_noticed(go: Any) -> None:
    async def main() -> None:
        noticed = asyncio.Event()

        async def handler(request: Request) -> Response:
            try:
                await request.body(100)
            except Disconnected:
                noticed.set()
                raise
            return Response()

        async with serving(handler) as (_, dial):
            wire = await dial()
            wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
            await asyncio.sleep(0.01)
            wire.writer.close()
            await asyncio.wait_for(noticed.wait(), 60)

    go(main())


def test_head_answers_have_a_length_and_no_body(go: Any) -> None:
    async def main() -> None:
        async with serving(echo) as (_, dial):
            wire = await dial()
            wire.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get())
            status, headers = await wire.head()
            assert status == 200 and int(headers["content-length"]) > 0
            assert (await wire.answer())[0] == 200

    go(main())


def test_a_half_closed_client_still_gets_its_answer(go: Any) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.02)
        return Response(200, b"late")

    async def main() -> None:
        async with serving(slow) as (_, dial):
            wire = await dial()
            wire.send(get())
            wire.writer.write_eof()
            assert await wire.answer() == (200, b"late")
            assert await wire.ended() == b""

    go(main())


def test_an_upgrade_hands_over_the_bytes_with_those_that_came_early(go: Any) -> None:
    async def raw(tunnel: Tunnel) -> None:
        await tunnel.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        while piece := await tunnel.read():
            await tunnel.write(piece.upper())
        await tunnel.write(b"bye")

    async def handler(request: Request) -> Upgrade:
        return Upgrade(raw)

    async def main() -> None:
        async with serving(handler) as (_, dial):
            wire = await dial()
            wire.send(b"POST /x HTTP/1.1\r\nHost: a\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\nearly ")
            assert (await wire.head())[0] == 101
            big = b"a" * 1_000_000
            wire.send(big)
            assert await wire.reader.readexactly(1_000_006) == b"EARLY " + big.upper()
            wire.writer.write_eof()
            assert await wire.ended() == b"bye"
            plain = await dial()
            plain.send(get())
            assert (await plain.answer())[0] == 400

    go(main())


def test_too_many_connections_are_turned_away(go: Any) -> None:
    async def main() -> None:
        async with serving(echo, replace(QUICK, connections=2, idle_seconds=60, head_seconds=60)) as (server, dial):
            first, second = await dial(), await dial()
            for wire in (first, second):
                wire.send(get())
                await wire.answer()
            assert server.connections == 2
            third = await dial()
            assert await third.ended() == b""
            first.send(get())
            assert (await first.answer())[0] == 200

    go(main())


def test_stopping_answers_what_runs_ends_streams_in_order_and_closes_the_rest(go: Any) -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def forever(writer: Writer) -> None:
            writer.write(b"x")
            await writer.wait_closed()

        async def handler(request: Request) -> Response | Streaming:
            if request.path == "/watch":
                return Streaming(forever)
            if request.path == "/slow":
                await release.wait()
            return Response(200, b"done")

        async with serving(handler) as (server, dial):
            idle, slow, watch = await dial(), await dial(), await dial()
            idle.send(get())
            await idle.answer()
            slow.send(get("/slow"))
            watch.send(get("/watch"))
            await watch.head()
            stopping = asyncio.ensure_future(server.stop(60))
            assert await idle.ended() == b""
            assert await watch.ended() == b"1\r\nx\r\n0\r\n\r\n"
            assert not stopping.done()
            release.set()
            status, headers = await slow.head()
            assert (status, headers["connection"]) == (200, "close")
            await stopping
            assert server.connections == 0

    go(main())


def test_a_stop_does_not_wait_for_ever(go: Any) -> None:
    async def main() -> None:
        async def handler(request: Request) -> Response:
            await asyncio.Event().wait()
            return Response()

        async with serving(handler) as (server, dial):
            wire = await dial()
            wire.send(get())
            await asyncio.sleep(0.01)
            await server.stop(0.05)
            assert await wire.ended() == b""

    go(main())


def test_unix_sockets_are_served_too(go: Any) -> None:
    async def main(path: Path) -> None:
        async def handler(request: Request) -> Response:
            return Response(200, request.peer.address.encode())

        server = HttpServer(handler)
        await server.listen_unix(path)
        wire = Wire(*await asyncio.open_unix_connection(str(path)))
        wire.send(get())
        assert await wire.answer() == (200, b"unix")
        wire.writer.close()
        await server.stop(1.0)

    with TemporaryDirectory() as folder:  # the path of a socket is 107 bytes at most
        go(main(Path(folder) / "s"))


def test_heads_carry_nothing_that_clients_do_not_read(go: Any) -> None:
    async def main() -> None:
        async with serving(echo) as (_, dial):
            wire = await dial()
            wire.send(get())
            raw = await wire.reader.readuntil(b"\r\n\r\n")
            assert re.fullmatch(
                rb"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \d+\r\n\r\n", raw
            )

    go(main())
