"""A client of one HTTP/1.1 server: kept connections, whole answers and streamed ones, a deadline on each.

``HttpPool.request`` gives a whole answer, ``HttpPool.stream`` one that is read as it comes. A server that does not
answer is ``NoAnswer``, whatever the cause.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

import httptools

from podo.http.head import header_line
from podo.http.keepalive import keep_alive

#: Kept less long than servers keep them, so that a request seldom meets a connection that is being closed.
IDLE_SECONDS = 90.0
CONNECT_SECONDS = 10.0
#: Whole exchanges at a time; more wait for their turn. Streams have connections of their own.
CONNECTIONS = 64
#: Bytes of an answer kept for a reader that is slow to take them.
_AHEAD = 256 * 1024
_HEAD = 64 * 1024
#: Methods that may be sent again when a kept connection turns out to be dead.
_REPEATABLE = frozenset({"GET", "HEAD"})


class NoAnswer(Exception):
    """The server could not be reached, did not answer in time, or broke off: whether it acted is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes


class Incoming:
    """An answer that is arriving."""

    def __init__(self, connection: _Connection) -> None:
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


class _Connection(asyncio.Protocol):
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


class Stream:
    """An answer read as it comes: ``status``, ``headers``, ``async for piece in stream``. Close it when done."""

    def __init__(self, connection: _Connection, incoming: Incoming) -> None:
        self.status = incoming.status
        self.headers: Mapping[str, str] = incoming.headers
        self._connection = connection
        self._incoming = incoming

    async def read(self, limit: int) -> bytes:
        """The rest of the body."""
        return await self._incoming.read(limit)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._incoming.next():
            yield piece

    def close(self) -> None:
        self._connection.close()


class HttpPool:
    """The connections to one server: TCP with or without TLS, or a Unix socket (``unix_path``).

    ``server_name``: whom its certificate must name; ``authority``: what the Host header says, where it is not the
    address.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        unix_path: str = "",
        authority: str = "",
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._server_name = server_name or host
        self._unix_path = unix_path
        self._host_header = authority or (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        self._closed = False
        self._idle: deque[_Connection] = deque()
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._streams: set[_Connection] = set()

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 30.0,
        limit: int = 1 << 30,
        repeatable: bool = False,
    ) -> Answer:
        """The whole answer, within ``seconds``; NoAnswer otherwise.

        ``repeatable``: it may be sent again, as a GET is, when a kept connection turns out to be dead.
        """
        data = self._request(method, target, headers, body)
        try:
            async with asyncio.timeout(seconds), self._turns:
                return await self._exchange(data, limit, repeatable or method in _REPEATABLE)
        except TimeoutError:
            raise NoAnswer(f"{self._host_header} did not answer within {seconds:g} s") from None

    async def _exchange(self, data: bytes, limit: int, repeatable: bool) -> Answer:
        connection = self._kept()
        if connection:
            try:
                return await self._on(connection, data, limit)
            except NoAnswer:
                if not repeatable:
                    raise
        return await self._on(await self._connect(), data, limit)

    async def _on(self, connection: _Connection, data: bytes, limit: int) -> Answer:
        done = False
        try:
            incoming = connection.send(data)
            await incoming.head()
            answer = Answer(incoming.status, incoming.headers, await incoming.read(limit))
            done = True
        finally:
            if done and not connection.spoiled and not self._closed:
                connection.idle_since = asyncio.get_running_loop().time()
                self._idle.append(connection)
            elif not connection.lost:
                connection.close()
        return answer

    async def stream(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        head_seconds: float = 30.0,
    ) -> Stream:
        """An answer whose body is read by the caller, on a connection of its own; its head within ``head_seconds``."""
        data = self._request(method, target, headers, body)
        connection = None
        try:
            async with asyncio.timeout(head_seconds):
                connection = await self._connect()
                incoming = connection.send(data)
                await incoming.head()
        except TimeoutError:
            if connection:
                connection.close()
            raise NoAnswer(f"{self._host_header} did not answer within {head_seconds:g} s") from None
        except BaseException:
            if connection:
                connection.close()
            raise
        self._streams = {open_one for open_one in self._streams if not open_one.lost} | {connection}
        return Stream(connection, incoming)

    def _kept(self) -> _Connection | None:
        """A connection that is open still, the last used first; old ones are closed."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if not connection.spoiled:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        name = self._server_name if self._tls else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._unix_path:
                    made = await loop.create_unix_connection(_Connection, self._unix_path)
                else:
                    made = await loop.create_connection(
                        _Connection, self._host, self._port, ssl=self._tls, server_hostname=name
                    )
        except TimeoutError:
            raise NoAnswer(f"connect to {self._host_header}: no answer within {CONNECT_SECONDS:g} s") from None
        except OSError as failure:  # ssl.SSLError is one
            raise NoAnswer(f"connect to {self._host_header}: {failure}") from failure
        return made[1]

    def _request(self, method: str, target: str, headers: Mapping[str, str] | None, body: bytes) -> bytes:
        if any(c <= " " or c > "~" for c in target):
            raise ValueError(f"not a request target: {target!r}")
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._host_header}\r\n"
        head += "".join([header_line(name, value) for name, value in (headers or {}).items()])
        if body or method in ("POST", "PUT", "PATCH"):
            head += f"Content-Length: {len(body)}\r\n"
        return head.encode("latin-1") + b"\r\n" + body

    def close(self) -> None:
        """Close what is idle and every stream; what is under way closes when it is done."""
        self._closed = True
        for connection in (*self._idle, *self._streams):
            connection.close()
        self._idle.clear()
        self._streams.clear()
