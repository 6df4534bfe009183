"""One request sent on to another server, body and answer as streams, each end as fast as the other takes it.

Headers that speak of a connection or of who the client is to us are left out (RFC 9110, 7.6.1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

import httptools

from podo.http.head import header_line
from podo.http.message import Disconnected, Request, Streaming, Tunnel, Writer
from podo.http.tunnel import without_token
from podo.runtime.tasks import Tasks

#: Until the other server answers the head: applications behind a proxy may let their clients wait long.
HEAD_SECONDS = 600.0
_HEAD = 64 * 1024
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
_CREDENTIALS = ("authorization", "proxy-authenticate", "proxy-authorization")
_HOP = frozenset((*_HOP_BY_HOP, *_CREDENTIALS, "content-length", "expect", "host"))
_OURS = ("impersonate-", "x-remote-", "x-forwarded-")
#: What a backend says of cross-origin requests would be taken to be about the whole API server.
_CORS = "access-control-"

Pairs = list[tuple[str, str]]


class NoAnswer(Exception):
    """The other server closed, or said what is no HTTP."""


def has_body(request: Request) -> bool:
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        return True
    return request.version == "2" and "content-length" not in request.headers and request.method in _WITH_BODY


_WITH_BODY = ("POST", "PUT", "PATCH")


def request_headers(request: Request, forwarded: Pairs) -> Pairs:
    """What is sent on of the client's headers, and ``forwarded`` behind them."""
    named = {name.strip().lower() for name in request.headers.get("connection", "").split(",")}
    kept = [
        (name, value)
        for name, value in request.headers.items()
        if name not in _HOP and name not in named and not name.startswith(_OURS)
    ]
    protocols = request.headers.get("sec-websocket-protocol", "")
    if protocols:
        offered = without_token(protocols.encode("latin-1")).decode("latin-1")
        kept = [pair for pair in kept if pair[0] != "sec-websocket-protocol"]
        kept += [("Sec-WebSocket-Protocol", offered)] if offered else []
    return [("Host", request.headers.get("host", "")), *kept, *forwarded]


class Forwarding:
    """``await begin`` sends the request and gives the head of the answer; then ``pieces``; ``close`` in the end.

    ``keep``: takes the tunnel back where the other server lets it be used again.
    """

    def __init__(self, tunnel: Tunnel, keep: Callable[[], None] | None = None) -> None:
        self._tunnel = tunnel
        self._keep = keep
        self._reusable = False
        self._has_no_body = False  # of the answer, whatever its head says
        #: Has the other server said anything?
        self.heard = False
        self._parser = httptools.HttpResponseParser(self)
        self._tasks = Tasks("proxy")
        self._fields: Pairs = []
        self._pieces: deque[bytes] = deque()
        self._held = 0  # bytes in them
        self._ended = False
        self.status = 0
        self.headers: Pairs = []

    async def begin(self, request: Request, target: str, headers: Pairs) -> None:
        """Raises NoAnswer, TimeoutError and Disconnected."""
        lines = [f"{request.method} {target} HTTP/1.1\r\n", *(header_line(name, value) for name, value in headers)]
        if self._keep is None:
            lines.append("Connection: close\r\n")
        self._has_no_body = request.method == "HEAD"
        chunked = "content-length" not in request.headers
        if has_body(request):
            lines.append("Transfer-Encoding: chunked\r\n" if chunked else header_length(request))
        elif request.method in _WITH_BODY:
            lines.append("Content-Length: 0\r\n")
        await self._tunnel.write("".join(lines).encode("latin-1") + b"\r\n")
        if has_body(request):
            self._tasks.spawn(self._send(request, chunked), "body")
        async with asyncio.timeout(HEAD_SECONDS):
            await self._head()

    async def _send(self, request: Request, chunked: bool) -> None:
        """The body; a server that takes no more of it may answer all the same."""
        with suppress(Disconnected):
            async for piece in request.chunks():
                await self._tunnel.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                await self._tunnel.write(b"0\r\n\r\n")

    async def _head(self) -> None:
        size = 0
        while not self.status:
            size += await self._read()
            if size > _HEAD and not self.status:
                raise NoAnswer("the head of the answer is too large")

    async def _read(self) -> int:
        """Some bytes from the server; how many."""
        piece = await self._tunnel.read()
        if not piece:
            if not self.status or not self._ends_with_connection():
                raise NoAnswer("the connection was closed before the answer was whole")
            self._ended = True
            return 0
        self.heard = True
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserError as wrong:
            raise NoAnswer(f"not an answer: {wrong}") from None
        return len(piece)

    def _ends_with_connection(self) -> bool:
        names = {name.lower() for name, _ in self._fields}
        return not names & {"content-length", "transfer-encoding"}

    @property
    def sized(self) -> bool:
        """Does the answer say how long it is?"""
        return any(name.lower() == "content-length" for name, _ in self._fields)

    async def gather(self, limit: int, *, wait: bool) -> bool:
        """Read up to ``limit`` bytes ahead; is that the whole body? Without ``wait`` only what is here counts."""
        while not self._ended and wait and self._held <= limit:
            await self._read()
        return self._ended

    def gathered(self) -> bytes:
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises NoAnswer where it breaks off."""
        while True:
            while self._pieces:
                self._held -= len(self._pieces[0])
                yield self._pieces.popleft()
            if self._ended:
                return
            await self._read()

    def streaming(self, content_type: str, headers: Pairs, broken_off: str) -> Streaming:
        """The answer handed on as it comes; it closes the forwarding. ``broken_off``: what the client's end is told."""

        async def produce(writer: Writer) -> None:
            try:
                async for piece in self.pieces():
                    writer.write(piece)
                    await writer.drain()
            except NoAnswer as broken:
                raise Disconnected(broken_off) from broken
            finally:
                await self.close()

        return Streaming(produce, self.status, content_type, headers)

    async def close(self) -> None:
        is_sent = not len(self._tasks)
        await self._tasks.stop(1.0)
        if self._keep is not None and self._ended and self._reusable and is_sent:
            self._keep()
        else:
            self._tunnel.close()

    # -- what the parser tells ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._fields = []
        self._reusable = False  # what comes behind an answer was not asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self.status:
            self.headers = response_headers(self._fields)
            self.status = status
            if self._has_no_body:
                self._end()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)

    def on_message_complete(self) -> None:
        if self.status:  # and not the end of 100 Continue
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._reusable = self._parser.should_keep_alive()


def header_length(request: Request) -> str:
    return header_line("Content-Length", request.headers["content-length"])


def response_headers(fields: Sequence[tuple[str, str]]) -> Pairs:
    """What is handed to the client of an answer's headers."""
    connection = next((value for name, value in fields if name.lower() == "connection"), "")
    named = {name.strip().lower() for name in connection.split(",")}
    return [
        (name, value)
        for name, value in fields
        if (lower := name.lower()) not in _HOP and lower not in named and not lower.startswith(_CORS)
    ]
