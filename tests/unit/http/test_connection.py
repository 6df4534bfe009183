"""A connection fed bytes however the network cuts them: the answers do not depend on the cuts."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podo.http.connection_h1 import H1Connection
from podo.http.limits import Limits
from podo.http.message import Request, Response, Streaming, Writer
from podo.http.server import HttpServer


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and holds back bytes while reading is paused, as sockets do."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.paused = False
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


async def handler(request: Request) -> Response | Streaming:
    if request.path == "/slow":
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    if request.path == "/unread":
        return Response(200, b"unread")
    body = await request.body(1 << 20)
    if request.path == "/stream":

        async def produce(writer: Writer) -> None:
            for byte in body:
                writer.write(bytes([byte]))

        return Streaming(produce)
    return Response(200, request.path.encode() + b"=" + body)


async def answers(pieces: list[bytes], ahead: int) -> tuple[bytes, bool]:
    """What is sent for ``pieces``, and whether the connection was closed."""
    wire = Wire()
    connection = H1Connection(HttpServer(handler, Limits(body_ahead=ahead)))
    connection.connection_made(wire)
    waits = 0
    for piece in pieces:
        if not piece:  # let what was sent be answered
            await asyncio.sleep(0.01)
        while wire.paused and waits < 10_000:
            waits += 1
            await asyncio.sleep(0)
        assert not wire.paused
        if not wire.closed:
            connection.data_received(piece)
    for _ in range(200):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    return wire.sent, wire.closed


def message(path: str, body: bytes, chunk: int, close: bool) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\n" + ("Connection: close\r\n" if close else "")
    if not chunk:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    parts = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + framed + b"0\r\n\r\n"


MESSAGES = st.lists(
    st.builds(
        message,
        st.sampled_from(["/a", "/slow", "/stream"]),
        st.binary(max_size=60),
        st.integers(0, 9),
        st.just(False),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(0, 16), st.booleans())
def test_answers_do_not_depend_on_how_the_bytes_are_cut(
    messages: list[bytes], sizes: list[int], ahead: int, close: bool
) -> None:
    data = b"".join(messages) + (message("/a", b"last", 0, True) if close else b"")
    pieces, at, turn = [], 0, 0
    while at < len(data):
        pieces.append(data[at : at + sizes[turn % len(sizes)]])
        at += len(pieces[-1])
        turn += 1
    whole = asyncio.run(answers([data], ahead))
    assert asyncio.run(answers(pieces, ahead)) == whole
    assert whole[0].count(b"HTTP/1.1 200 OK") == len(messages) + close
    assert whole[1] == close


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=80) | st.sampled_from([b"GET /a HTTP/1.1\r\n", b"Host: t\r\n", b"\r\n"]), max_size=12)
)
def test_no_bytes_break_a_connection(pieces: list[bytes]) -> None:
    """Garbage is answered by 4xx or 505, or not at all; what looks like a request is answered."""
    sent, closed = asyncio.run(answers(pieces, 100))
    statuses = [int(part[:3]) for part in sent.split(b"HTTP/1.1 ")[1:]]
    assert all(status in (200, 400, 414, 431, 505) for status in statuses)
    assert not closed or b"500" not in sent


def test_a_body_that_is_not_read_ends_the_connection_after_its_answer() -> None:
    async def main() -> None:
        early = b"POST /unread HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\nabc"
        sent, _ = await answers([early, b"", b"d" * 47 + b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"], 100)
        assert sent.count(b"HTTP/1.1") == 1 and b"Connection: close" in sent

    asyncio.run(main())
