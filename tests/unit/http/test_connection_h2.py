"""An HTTP/2 connection fed frames of any kind: it answers or ends, and never breaks or keeps anything."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import hpack
import ngh2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.http.connection_h2 import H2Connection
from podo.http.engine_h2 import H2Engine
from podo.http.engine_ngh2 import Ngh2Engine
from podo.http.limits import Limits
from podo.http.message import Request, Response, Streaming, Writer
from podo.http.server import HttpServer
from tests.unit.http.test_connection import Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
ENGINES = {"ngh2": Ngh2Engine, "h2": H2Engine}


async def handler(request: Request) -> Response | Streaming:
    async def produce(writer: Writer) -> None:
        for _ in range(5):
            writer.write(b"piece")
            await asyncio.sleep(0)

    if request.path == "/stream":
        return Streaming(produce)
    return Response(200, request.path.encode() + b"=" + await request.body(1 << 20))


def frame(type: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((type, flags)) + struct.pack(">I", stream) + payload


def head(stream: int, path: str, ended: bool) -> bytes:
    fields = [(":method", "POST"), (":scheme", "https"), (":authority", "t"), (":path", path)]
    return frame(1, 4 | ended, stream, hpack.Encoder().encode(fields, huffman=False))


STREAMS = st.integers(0, 9)
FRAMES = st.one_of(
    st.builds(frame, st.integers(0, 12), st.integers(0, 255), STREAMS, st.binary(max_size=40)),
    st.builds(head, st.integers(0, 12).map(lambda n: 2 * n + 1), st.sampled_from(["/a", "/stream"]), st.booleans()),
    st.builds(frame, st.just(0), st.sampled_from([0, 1]), STREAMS, st.binary(max_size=40)),
    st.builds(frame, st.just(3), st.just(0), STREAMS, st.just(b"\0\0\0\x08")),
    st.builds(frame, st.just(8), st.just(0), STREAMS, st.integers(0, 2**31).map(lambda n: struct.pack(">I", n))),
    st.binary(max_size=60),
)


async def feed(engine: str, pieces: list[bytes]) -> tuple[Wire, H2Connection, list[dict[str, Any]]]:
    wrong: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: wrong.append(context))
    home = HttpServer(handler, Limits())
    connection = H2Connection(home, ENGINES[engine](home.limits))
    wire = Wire()
    connection.connection_made(wire)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(40):
        await asyncio.sleep(0)
    return wire, connection, wrong


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=250, deadline=None)
@given(pieces=st.lists(FRAMES, max_size=14), cut=st.integers(1, 60))
def test_no_frames_break_a_connection(engine: str, pieces: list[bytes], cut: int) -> None:
    async def main() -> None:
        data = PREFACE + b"".join(pieces)
        _, connection, wrong = await feed(engine, [data[at : at + cut] for at in range(0, len(data), cut)])
        connection.connection_lost(None)
        for _ in range(40):
            await asyncio.sleep(0)
        assert wrong == []
        assert not connection._streams and not connection._handlers and not connection._held

    asyncio.run(main())


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None)
@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=12), cut=st.integers(1, 90))
def test_answers_do_not_depend_on_how_the_bytes_are_cut(engine: str, bodies: list[bytes], cut: int) -> None:
    async def main() -> None:
        client = ngh2.Connection(ngh2.Role.CLIENT)
        client.initiate_connection({})
        sent: dict[int, bytes] = {}
        for body in bodies:
            fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"t"), (b":path", b"/a")]
            stream = client.send_request(fields)
            client.send_data(stream, body, end_stream=True)
            sent[stream] = body
        data = client.data_to_send()
        wire, connection, wrong = await feed(engine, [data[at : at + cut] for at in range(0, len(data), cut)])
        client.receive_data(wire.sent)
        got = dict.fromkeys(sent, b"")
        for event in client.events():
            if isinstance(event, ngh2.DataReceived):
                got[event.stream_id] += event.data
        assert got == {stream: b"/a=" + body for stream, body in sent.items()}
        assert wrong == [] and not connection._streams
        connection.connection_lost(None)

    asyncio.run(main())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_long_life_keeps_nothing(engine: str) -> None:
    """Thousands of requests, resets and streams on one connection."""

    async def main() -> None:
        home = HttpServer(handler, Limits(noise_burst=100_000))
        connection, wire = H2Connection(home, ENGINES[engine](home.limits)), Wire()
        connection.connection_made(wire)
        connection.data_received(PREFACE)
        for number in range(1500):
            stream = 2 * number + 1
            path = "/stream" if number % 3 == 0 else "/a"
            connection.data_received(head(stream, path, number % 2 == 0))
            await asyncio.sleep(0)
            if number % 2:
                if number % 5 == 0:
                    connection.data_received(frame(3, 0, stream, b"\0\0\0\x08"))
                else:
                    connection.data_received(frame(0, 1, stream, b"body"))
            window = struct.pack(">I", 100)
            connection.data_received(frame(8, 0, 0, window))
            for _ in range(8):
                await asyncio.sleep(0)
            wire.sent = b""
        assert not wire.closed
        assert not connection._streams and not connection._handlers and not connection._held and not connection._timed
        connection.connection_lost(None)

    asyncio.run(main())
