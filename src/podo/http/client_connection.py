"""One connection of a client over HTTP/1.1: an exchange at a time, its answer read as it arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import httptools

from podo.http.exchange import NoAnswer
from podo.http.keepalive import keep_alive

#: Bytes of an answer kept for a reader that is slow to take them.
_AHEAD = 256 * 1024
_HEAD = 64 * 1024


class Incoming:
    """An answer that is arriving."""

    def __init__(self, connection: Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self._connection = connection
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._failure = ""
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> None:
        while not self.status:
            await self._wait()

    async def next(self) -> bytes:
        """Some bytes of the body; b"" at its end."""
        while not self._chunks:
            if self.complete:
                return b""
            await self._wait()
        piece = self._chunks.popleft()
        self._size -= len(piece)
        if self._size <= _AHEAD // 2:
            self._connection.pause(False)
        return piece

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.next():
            size += len(piece)
            if size > limit:
                raise NoAnswer(f"the answer is longer than {limit} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _wait(self) -> None:
        if self._failure:
            raise NoAnswer(self._failure)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def feed(self, piece: bytes) -> None:
        self._chunks.append(piece)
        self._size += len(piece)
        if self._size > _AHEAD:
            self._connection.pause(True)
        self.wake()

    def fail(self, why: str) -> None:
        self._failure = why
        self.wake()

    def wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """One connection, one exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._incoming: Incoming | None = None
        self._fields: dict[str, str] = {}
        self._head_size = 0
        self._paused = False
        self.lost = False
        self.spoiled = False  # cannot be used again
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        keep_alive(transport)

    def send(self, data: bytes) -> Incoming:
        self._incoming = Incoming(self)
        self._transport.write(data)
        return self._incoming

    def close(self) -> None:
        self.spoiled = True
        self._transport.abort()

    def pause(self, paused: bool) -> None:
        if paused != self._paused and not self.lost:
            self._paused = paused
            (self._transport.pause_reading if paused else self._transport.resume_reading)()

    def data_received(self, data: bytes) -> None:
        if self._incoming is None or self._incoming.complete:
            self.close()  # nothing was asked
            return
        if not self._incoming.status:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._break("the server changed the protocol without being asked")
        except httptools.HttpParserError as wrong:
            self._break(f"not an answer: {wrong}")
        else:
            if not self._incoming.status and self._head_size > _HEAD:
                self._break("the head of the answer is too large")

    def _break(self, why: str) -> None:
        if self._incoming:
            self._incoming.fail(why)
        self.close()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self.spoiled = True
        incoming = self._incoming
        if incoming is None or incoming.complete:
            return
        if incoming.status and exc is None and not ({"content-length", "transfer-encoding"} & incoming.headers.keys()):
            incoming.complete = True  # a body that ends with the connection
            incoming.wake()
        else:
            incoming.fail(f"the server broke off: {exc or 'connection closed'}")

    # -- what the parser tells ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._fields = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._fields[key] = f"{self._fields[key]}, {text}" if key in self._fields else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        incoming = self._incoming
        if incoming is None or incoming.status or status < 200:
            return
        incoming.headers = self._fields
        incoming.status = status
        incoming.wake()

    def on_body(self, piece: bytes) -> None:
        if self._incoming and self._incoming.status:
            self._incoming.feed(piece)

    def on_message_complete(self) -> None:
        incoming = self._incoming
        if incoming is None or not incoming.status:
            return  # 100 Continue
        self._head_size = 0
        if not self._parser.should_keep_alive():
            self.spoiled = True
        incoming.complete = True
        incoming.wake()
