"""What an HTTP server of podo promises over HTTP/2: both engines, both event loops, over TLS."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from podo.http import connection_h2
from podo.http.engine_h2 import H2Engine
from podo.http.engine_ngh2 import Ngh2Engine
from podo.http.limits import Limits
from podo.http.message import Disconnected, Handler, Request, Response, Streaming, Tunnel, Upgrade, Writer
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.runtime.loop import run
from tests.pki import Pki
from tests.unit.http.h2client import Client

QUICK = Limits(
    head_seconds=0.2, body_seconds=0.2, linger_seconds=0.2, idle_seconds=0.3, stall_seconds=0.3, ping_seconds=0.2
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(params=["uvloop-ngh2", "asyncio-ngh2", "uvloop-h2"])
def go(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Awaitable[Any]], Any]:
    loop, engine = request.param.split("-")
    monkeypatch.setattr(connection_h2, "make_engine", Ngh2Engine if engine == "ngh2" else H2Engine)
    return lambda main: run(asyncio.wait_for(main, 120), uvloop=loop == "uvloop")


@asynccontextmanager
async def serving(pki: Pki, handler: Handler, limits: Limits | None = None) -> AsyncIterator[tuple[HttpServer, Any]]:
    server = HttpServer(handler, limits or Limits())
    port = await server.listen("127.0.0.1", 0, tls=server_context(*pki.issue("server"), client_ca=pki.ca))
    clients: list[Client] = []

    async def dial(user: str = "", *, start: bool = True) -> Client:
        certificate, key = pki.issue(user) if user else (None, None)
        context = client_context(ca=pki.ca, certificate=certificate, key=key)
        clients.append(await Client.dial(port, context, start=start))
        return clients[-1]

    try:
        yield server, dial
    finally:
        for client in clients:
            await client.close()
        await server.stop(1.0)


async def echo(request: Request) -> Response:
    body = await request.body(64 << 20)
    said = {"method": request.method, "path": request.path, "query": request.query, "body": body.decode("latin-1")}
    said["version"] = request.version
    return Response(200, json.dumps(said | {"headers": dict(request.headers)}).encode())


def test_many_requests_share_a_connection(go: Any, pki: Pki) -> None:
    seen: set[int] = set()

    async def handler(request: Request) -> Response:
        seen.add(id(request.peer))
        assert request.peer.certificate
        return await echo(request)

    async def main() -> None:
        async with serving(pki, handler) as (server, dial):
            client = await dial("alice")
            streams = [
                client.ask(f"/a/{n}?x=%20y", "POST", ("x-one", "1"), ("x-one", "2"), body=b"b%d" % n)
                for n in range(100)
            ]
            for number, stream in enumerate(streams):
                got = await client.answer(stream)
                said = json.loads(got.body)
                assert (got.status, got.headers["content-type"]) == (200, "application/json")
                assert int(got.headers["content-length"]) == len(got.body)
                assert (said["path"], said["query"], said["body"]) == (f"/a/{number}", "x=%20y", f"b{number}")
                assert (said["headers"]["x-one"], said["headers"]["host"], said["version"]) == ("1, 2", "test", "2")
            assert server.connections == len(seen) == 1

    go(main())


BASE = {":method": "GET", ":scheme": "https", ":authority": "test", ":path": "/"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({":path": ""}, 400),
        ({":path": "*"}, 400),
        ({":path": "http://a/"}, 400),
        ({":path": "/a b"}, 400),
        ({":path": "/\x80"}, 400),
        ({":scheme": "ftp"}, 400),
        ({":method": "BREW"}, 400),
        ({":method": "CONNECT"}, 400),
        ({":authority": None}, 400),
        ({":authority": "a b"}, 400),
        ({"host": "other"}, 400),
        ({"connection": "close"}, 400),
        ({"transfer-encoding": "chunked"}, 400),
        ({"te": "gzip"}, 400),
        ({"content-length": "+1"}, 400),
        ({"x": "a\nb"}, 400),
        ({":path": "/" + "a" * 66_000}, 414),
        ({"x": "a" * 66_000}, 431),
        ({f"x{n}": "a" for n in range(200)}, 431),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_stays(
    go: Any, pki: Pki, change: dict[str, str | None], status: int
) -> None:
    seen: list[str] = []

    async def handler(request: Request) -> Response:
        seen.append(request.path)
        return Response()

    async def main() -> None:
        async with serving(pki, handler) as (_, dial):
            client = await dial()
            fields = [(name, value) for name, value in (BASE | change).items() if value is not None]
            got = await client.answer(client.send(fields))
            if got.reset is None and not client.closed:  # the library may refuse without an answer
                assert (got.status, json.loads(got.body)["kind"]) == (status, "Status")
            assert seen == []
            if not client.closed:
                assert (await client.answer(client.ask("/next"))).status == 200

    go(main())


def test_a_handler_that_breaks_is_a_500_and_other_streams_do_not_feel_it(go: Any, pki: Pki) -> None:
    async def handler(request: Request) -> Response | Upgrade:
        if request.path == "/head":
            return Response(headers=(("X-A", "a\r\nSet-Cookie: b"),))
        if request.path == "/up":

            async def tunnel(tunnel: Tunnel) -> None:
                raise AssertionError

            return Upgrade(tunnel)
        if request.path == "/":
            raise KeyError("oops")
        return Response(200, await request.body(10), headers=(("X-B", "c"),))

    async def main() -> None:
        async with serving(pki, handler) as (_, dial):
            client = await dial()
            broken, head = client.ask("/"), client.ask("/head")
            fine, large, up = client.ask("/x"), client.ask("/", "POST", body=b"x" * 11), client.ask("/up")
            large = client.ask("/x", "POST", body=b"x" * 11)
            for stream in (broken, head):
                got = await client.answer(stream)
                assert (got.status, json.loads(got.body)["reason"]) == (500, "InternalError")
                assert b"oops" not in got.body
            assert ((await client.answer(fine)).status, client.streams[fine].headers["x-b"]) == (200, "c")
            assert (await client.answer(large)).status == 413
            assert (await client.answer(up)).status == 400

    go(main())


def test_head_has_no_body(go: Any, pki: Pki) -> None:
    async def handler(request: Request) -> Response | Streaming:
        async def produce(writer: Writer) -> None:
            raise AssertionError

        return Response(200, b"12345") if request.path == "/" else Streaming(produce)

    async def main() -> None:
        async with serving(pki, handler) as (_, dial):
            client = await dial()
            got = await client.answer(client.ask("/", "HEAD"))
            assert (got.status, got.headers["content-length"], got.body) == (200, "5", b"")
            assert (await client.answer(client.ask("/stream", "HEAD"))).body == b""

    go(main())


def test_a_large_upload_is_taken_in_bounded_memory_while_others_pass(go: Any, pki: Pki) -> None:
    most = 0
    let = asyncio.Event()

    async def handler(request: Any) -> Response:
        nonlocal most
        if request.path == "/quick":
            return Response(200, b"quick")
        await let.wait()
        total = 0
        async for piece in request.chunks():
            total += len(piece)
            most = max(most, request.buffered)
        return Response(200, str(total).encode())

    async def main() -> None:
        size = 6 << 20
        async with serving(pki, handler) as (_, dial):
            client = await dial()
            stream = client.send([*BASE.items()], ended=False)
            await client.wait_for(lambda: client.engine.remote_settings.get(4) == 128 * 1024)
            client.upload(stream, b"x" * size)
            await client.wait_for(lambda: client.engine.stream_remote_window_size(stream) == 0)
            assert (await client.answer(client.ask("/quick"))).body == b"quick"  # though nobody takes the body
            let.set()
            assert (await client.answer(stream)).body == str(size).encode()
        assert 0 < most <= 128 * 1024

    go(main())


def test_an_unread_body_costs_its_stream_only(go: Any, pki: Pki) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, b"early")

    async def main() -> None:
        async with serving(pki, handler, QUICK) as (_, dial):
            client = await dial()
            for _ in range(12):  # more than the connection's window in all
                stream = client.send([*BASE.items()], ended=False)
                client.upload(stream, b"x" * 100_000, end=False)
                await client.wait_for(lambda stream=stream: client.streams[stream].reset is not None)
                assert (client.streams[stream].body, client.streams[stream].reset) == (b"early", 0)
            assert (await client.answer(client.ask("/"))).body == b"early"

    go(main())


def test_large_bodies_arrive_whole_side_by_side(go: Any, pki: Pki) -> None:
    parts = [b"%06d" % n * 500 for n in range(1000)]

    async def handler(request: Request) -> Response:
        return Response(200, parts if request.path == "/list" else b"small")

    async def main() -> None:
        async with serving(pki, handler) as (_, dial):
            client = await dial()
            lists = [client.ask("/list") for _ in range(3)]
            assert (await client.answer(client.ask("/"))).body == b"small"
            for stream in lists:
                assert (await client.answer(stream)).body == b"".join(parts)

    go(main())


def test_streams_arrive_as_they_are_written_and_end_in_order(go: Any, pki: Pki) -> None:
    async def main() -> None:
        more = asyncio.Event()

        async def produce(writer: Writer) -> None:
            writer.write(b"one\n")
            writer.write_all([b"tw", b"o\n"])
            await more.wait()
            writer.write(b"three\n")

        async def breaks(writer: Writer) -> None:
            writer.write(b"half")
            raise ValueError("oops")

        async def handler(request: Request) -> Streaming:
            return Streaming(produce if request.path == "/" else breaks)

        async with serving(pki, handler) as (_, dial):
            client = await dial()
            stream = client.ask("/")
            got = client.streams[stream]
            await client.wait_for(lambda: got.body == b"one\ntwo\n")
            assert not got.ended
            more.set()
            assert (await client.answer(stream)).body == b"one\ntwo\nthree\n" and got.ended
            got = await client.answer(client.ask("/breaks"))
            assert got.reset == 2 and not got.ended, "a broken stream must not look whole"

    go(main())


def test_what_many_streams_get_is_written_once_for_all(go: Any, pki: Pki) -> None:
    """Each gets it in order with what was written to it alone; one that is over or slow keeps nobody from it."""

    async def main() -> None:
        writers: dict[str, Writer] = {}

        async def handler(request: Request) -> Streaming:
            async def produce(writer: Writer) -> None:
                writers[request.path] = writer
                writer.write(request.path.encode())
                await writer.wait_closed()

            return Streaming(produce)

        async with serving(pki, handler) as (_, dial):
            client = await dial()
            client.takes = False
            client.engine.set_local_window_size(1 << 20)  # only the streams' windows are full
            streams = [client.ask(f"/{number}") for number in range(5)]
            got = [client.streams[stream] for stream in streams]
            await client.wait_for(lambda: all(one.body for one in got))
            every = list(writers.values())
            together = every[0].together
            assert together is not None and all(one.together is together for one in every)
            client.engine.reset_stream(streams[4], 8)
            client.flush()
            writers["/0"].write(b"x" * 65534)  # all that its client lets it
            together.write_each(every, b"both")
            writers["/1"].write(b"last")
            await client.wait_for(lambda: len(got[0].body) > 65534 and got[1].body.endswith(b"last"))
            assert [one.body for one in got[1:4]] == [b"/1bothlast", b"/2both", b"/3both"]
            assert len(got[0].body) == 65535 and writers["/0"].buffered == 5
            together.write_each(every, b"more")  # to the one that is gone by now, too
            await client.wait_for(lambda: got[3].body == b"/3bothmore")

    go(main())


def test_a_stream_ends_when_its_client_resets_it_or_goes(go: Any, pki: Pki) -> None:
    async def main() -> None:
        ended = asyncio.Queue[str]()

        async def handler(request: Request) -> Streaming:
            async def produce(writer: Writer) -> None:
                try:
                    writer.write(b"x")
                    await writer.wait_closed()
                finally:
                    ended.put_nowait(request.path)

            return Streaming(produce)

        async with serving(pki, handler) as (server, dial):
            client = await dial()
            first, second = client.ask("/reset"), client.ask("/gone")
            await client.wait_for(lambda: client.streams[first].body and client.streams[second].body)
            client.engine.reset_stream(first, 8)
            client.flush()
            assert await asyncio.wait_for(ended.get(), 60) == "/reset"
            client.writer.transport.abort()
            assert await asyncio.wait_for(ended.get(), 60) == "/gone"
            while server.connections:
                await asyncio.sleep(0.005)

    go(main())


def test_a_reader_that_does_not_read_holds_its_own_writer_only_and_is_ended(go: Any, pki: Pki) -> None:
    async def main() -> None:
        written, most = 0, 0
        failed = asyncio.Event()

        async def produce(writer: Writer) -> None:
            nonlocal written, most
            try:
                while written < 1 << 30:
                    writer.write(b"x" * 65536)
                    written += 65536
                    most = max(most, writer.buffered)
                    await writer.drain()
            except (Disconnected, asyncio.CancelledError):
                failed.set()
                raise

        async def handler(request: Request) -> Response | Streaming:
            return Streaming(produce) if request.path == "/stream" else Response(200, b"fine")

        async with serving(pki, handler, QUICK) as (_, dial):
            client = await dial()
            client.takes = False
            # Leave the connection's window open: only this stream's is full.
            client.engine.set_local_window_size(1 << 20)
            stream = client.ask("/stream")
            await client.wait_for(lambda: len(client.streams[stream].body) == 65535)
            assert (await client.answer(client.ask("/"))).body == b"fine"
            await asyncio.wait_for(failed.wait(), 60)
            assert (await client.answer(stream)).reset is not None
        assert written < 1 << 20 and most <= 4 * 65536

    go(main())


def test_slow_bodies_silent_and_idle_clients_are_ended(go: Any, pki: Pki) -> None:
    async def main() -> None:
        async with serving(pki, echo, QUICK) as (server, dial):
            silent = await dial(start=False)
            await silent.wait_for(lambda: silent.closed)
            client = await dial()
            stream = client.send([*BASE.items()], ended=False)
            assert (await client.answer(stream)).status == 408
            idle = await dial()
            await idle.wait_for(lambda: idle.closed)
            assert idle.goaway == 0
            while server.connections:
                await asyncio.sleep(0.005)

    go(main())


def test_a_client_that_is_silent_with_a_watch_open_is_pinged_and_ended_without_an_answer(go: Any, pki: Pki) -> None:
    async def produce(writer: Writer) -> None:
        await writer.wait_closed()

    async def handler(request: Request) -> Streaming:
        return Streaming(produce)

    async def main() -> None:
        limits = replace(QUICK, ping_seconds=0.25)
        async with serving(pki, handler, limits) as (server, dial):
            alive, dead = await dial(), await dial()
            watch = alive.ask()
            dead.ask()
            await asyncio.sleep(0.05)
            dead._task.cancel()  # reads nothing any more, and so does not answer pings
            async with asyncio.timeout(60):
                while server.connections != 1:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.75)
            assert not alive.closed and not alive.streams[watch].ended

    go(main())


def test_a_stop_ends_streams_waits_for_answers_and_says_goodbye(go: Any, pki: Pki) -> None:
    async def main() -> None:
        answer = asyncio.Event()

        async def handler(request: Request) -> Response | Streaming:
            async def produce(writer: Writer) -> None:
                writer.write(b"x")
                await writer.wait_closed()

            if request.path == "/watch":
                return Streaming(produce)
            await answer.wait()
            return Response(200, b"late")

        async with serving(pki, handler) as (server, dial):
            client, idle = await dial(), await dial()
            watch, slow = client.ask("/watch"), client.ask("/slow")
            await client.wait_for(lambda: client.streams[watch].body)
            stopping = asyncio.get_running_loop().create_task(server.stop(60))
            assert (await client.answer(watch)).ended
            await client.wait_for(lambda: client.goaway == 0)
            await idle.wait_for(lambda: idle.closed)
            assert idle.goaway == 0
            answer.set()
            assert (await client.answer(slow)).body == b"late"
            await client.wait_for(lambda: client.closed)
            await asyncio.wait_for(stopping, 60)
            assert server.connections == 0

    go(main())


def frame(type: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((type, flags)) + struct.pack(">I", stream) + payload


#: Floods: what is sent again and again until the server has had enough.
FLOODS = {
    "ping": lambda n: frame(6, 0, 0, b"12345678"),
    "settings": lambda n: SETTINGS,
    "rapid reset": lambda n: frame(1, 5, 2 * n + 1, b"\x82\x87\x84\x41\x01a") + frame(3, 0, 2 * n + 1, b"\0\0\0\x08"),
    "continuation": lambda n: frame(1, 0, 1, b"\x82\x87\x84") if n == 0 else frame(9, 0, 1, b"\x82"),
    "empty data": lambda n: frame(1, 4, 1, b"\x83\x87\x84\x41\x01a") if n == 0 else frame(0, 0, 1, b""),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_end_the_connection(go: Any, pki: Pki, flood: str) -> None:
    running = most = 0

    async def handler(request: Request) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return Response(200, await request.body(100))
        finally:
            running -= 1

    async def main() -> None:
        async with serving(pki, handler, Limits(linger_seconds=0.1)) as (server, dial):
            client = await dial(start=False)
            client.raw(PREFACE + SETTINGS)
            for start in range(0, 30_000, 100):
                if client.closed:
                    break
                client.raw(b"".join(FLOODS[flood](n) for n in range(start, start + 100)))
                await asyncio.sleep(0)
            await client.wait_for(lambda: client.closed)
            while server.connections:
                await asyncio.sleep(0.005)
        assert most <= 500

    go(main())


def test_more_streams_than_allowed_are_refused(go: Any, pki: Pki) -> None:
    running = most = 0
    let = asyncio.Event()

    async def handler(request: Request) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await let.wait()
        running -= 1
        return Response()

    async def main() -> None:
        async with serving(pki, handler, Limits(streams=5)) as (_, dial):
            client = await dial()
            await client.wait_for(lambda: client.engine.remote_settings.get(3) == 5)
            asked = [client.ask() for _ in range(5)]
            await asyncio.sleep(0.02)
            let.set()
            assert [(await client.answer(one)).status for one in asked] == [200] * 5
            raw = await dial(start=False)
            head = b"\x82\x87\x84\x41\x01a"
            let.clear()
            raw.raw(PREFACE + SETTINGS + frame(4, 1, 0, b"") + b"".join(frame(1, 5, 2 * n + 1, head) for n in range(9)))
            await asyncio.sleep(0.05)
            assert most <= 5
            let.set()

    go(main())
