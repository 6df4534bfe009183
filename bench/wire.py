"""A light load generator: requests encoded before, connections over TLS that are kept, answers only counted and
checked."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import httptools

from bench.figure import Void

Sink = Callable[[bytes], None]

#: A measurement that has not ended by then is void.
DEADLINE = 60.0


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode()


def delete(path: str) -> bytes:
    return f"DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    return _with_body("POST", path, body, "application/json")


def put(path: str, body: bytes) -> bytes:
    return _with_body("PUT", path, body, "application/json")


def patch(path: str, body: bytes, form: str) -> bytes:
    """``form``: the media type of the patch."""
    return _with_body("PATCH", path, body, form)


def _with_body(method: str, path: str, body: bytes, media: str) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\nAccept: application/json\r\n\r\n" + body


@dataclass
class Load:
    """What came of a load. Latencies in seconds, in the order of the answers."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.latencies)


class Connection(asyncio.Protocol):
    """Answers one request at a time. ``sink`` is given the pieces of bodies as they come."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is not registered as one

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self.sink(piece)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    def connection_lost(self, why: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Void(f"the connection broke: {why}"))

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """The status code, when the whole answer has come."""
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


def nothing(piece: bytes) -> None:
    """A sink for what nobody reads."""


async def connect(port: int, tls: ssl.SSLContext | None, sink: Sink = nothing) -> Connection:
    loop = asyncio.get_running_loop()
    name = "127.0.0.1" if tls else None
    _, protocol = await loop.create_connection(
        lambda: Connection(sink), "127.0.0.1", port, ssl=tls, server_hostname=name
    )
    return protocol


async def fetch(connection: Connection, path: str) -> bytes:
    """The body of one GET."""
    pieces: list[bytes] = []
    connection.sink = pieces.append
    status = await asyncio.wait_for(connection.ask(get(path)), DEADLINE)
    connection.sink = nothing
    if status != 200:
        raise Void(f"GET {path}: {status}: {b''.join(pieces)[:300]!r}")
    return b"".join(pieces)


async def load(connections: list[Connection], requests: Iterator[bytes], expected: int) -> Load:
    """Send every request, one at a time on each connection. Void if an answer is not ``expected``."""
    done = Load()

    async def work(connection: Connection) -> None:
        for request in requests:
            sent = time.perf_counter()
            status = await connection.ask(request)
            if status != expected:
                raise Void(f"{request[:80]!r} was answered {status}, not {expected}")
            done.latencies.append(time.perf_counter() - sent)

    began = time.perf_counter()
    try:
        await asyncio.wait_for(asyncio.gather(*(work(connection) for connection in connections)), DEADLINE)
    except TimeoutError:
        raise Void(f"{done.count} answers after {DEADLINE:.0f} s") from None
    done.seconds = time.perf_counter() - began
    return done
