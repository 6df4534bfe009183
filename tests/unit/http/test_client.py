"""The HTTP client: kept connections, answers in every framing, deadlines, servers that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from podo.http.client import HttpPool, NoAnswer
from podo.http.message import Request, Response, Streaming, Writer
from podo.http.server import HttpServer


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[tuple[HttpPool, list[int]]]:
    """A server that gives one of ``answers`` to each connection and closes it."""
    heard: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        heard.append(1)
        writer.write(answers[min(len(heard), len(answers)) - 1])
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    pool = HttpPool("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield pool, heard
    finally:
        pool.close()
        server.close()


async def whole(request: Request) -> Response:
    return Response(200, request.peer.address.encode())


def test_connections_are_kept() -> None:
    async def main() -> None:
        server = HttpServer(whole)
        pool = HttpPool("127.0.0.1", await server.listen("127.0.0.1", 0))
        first, second = await pool.request("GET", "/"), await pool.request("GET", "/")
        assert first.body == second.body
        together = await asyncio.gather(*(pool.request("GET", "/") for _ in range(5)))
        assert len({answer.body for answer in together}) == 5
        pool.close()
        await server.stop(1.0)

    asyncio.run(main())


def test_a_get_on_a_dead_connection_is_sent_again_and_a_post_is_not() -> None:
    async def main() -> None:
        kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        requests = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal requests
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            writer.write(kept)
            await reader.readuntil(b"\r\n\r\n")  # the second request of a connection kills it
            requests += 1
            writer.transport.abort()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        pool = HttpPool("127.0.0.1", server.sockets[0].getsockname()[1])
        assert (await pool.request("GET", "/")).body == b"ok"
        assert (await pool.request("GET", "/")).body == b"ok"
        assert requests == 3
        with pytest.raises(NoAnswer):
            await pool.request("POST", "/")
        assert requests == 4
        pool.close()
        server.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_answers_in_every_framing(answer: bytes, body: bytes) -> None:
    async def main() -> None:
        async with saying(answer) as (pool, _):
            assert (await pool.request("GET", "/")).body == body

    asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
    ],
)
def test_answers_that_are_none(answer: bytes) -> None:
    async def main() -> None:
        async with saying(answer) as (pool, _):
            with pytest.raises(NoAnswer):
                await pool.request("GET", "/", seconds=5)

    asyncio.run(main())


def test_deadlines_and_unreachable_servers() -> None:
    async def main() -> None:
        async def never(request: Request) -> Response:
            await asyncio.Event().wait()
            return Response()

        server = HttpServer(never)
        port = await server.listen("127.0.0.1", 0)
        pool = HttpPool("127.0.0.1", port)
        with pytest.raises(NoAnswer, match="did not answer within"):
            await pool.request("GET", "/", seconds=0.05)
        with pytest.raises(NoAnswer, match="did not answer within"):
            await pool.stream("GET", "/", head_seconds=0.05)
        await server.stop(0.05)
        with pytest.raises(NoAnswer, match="connect to"):
            await pool.request("GET", "/")

    asyncio.run(main())


def test_a_stream_comes_as_it_is_written_and_a_slow_reader_holds_it() -> None:
    async def main() -> None:
        written = 0

        async def produce(writer: Writer) -> None:
            nonlocal written
            for _ in range(400):
                writer.write(b"x" * 65536)
                written += 65536
                await writer.drain()

        async def handler(request: Request) -> Streaming:
            return Streaming(produce)

        server = HttpServer(handler)
        pool = HttpPool("127.0.0.1", await server.listen("127.0.0.1", 0))
        stream = await pool.stream("GET", "/")
        before = -1
        while written != before:  # until the writer stands still
            before = written
            await asyncio.sleep(0.05)
        assert written < 400 * 65536
        size = 0
        async for piece in stream:
            size += len(piece)
        assert size == 400 * 65536
        stream.close()
        await server.stop(1.0)

    asyncio.run(main())
