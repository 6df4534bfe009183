"""One HTTP/1.1 connection of a server: bytes to requests, a task for each request in its turn, answers to bytes.

httptools (llhttp) parses; this file adds what it does not check (a Host, sizes of heads), keeps pipelined requests in
order by not parsing past the running one, and closes whenever what follows on the connection could be mistaken for a
request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, cast

import httptools

from podo.http.head import CONTINUE, bodiless, refusal, response_head
from podo.http.keepalive import keep_alive
from podo.http.limits import Limits
from podo.http.message import Disconnected, Handler, Peer, Response, Streaming, TooLarge, Upgrade
from podo.http.request import H1Request
from podo.http.writer import Gate, RawTunnel, StreamWriter
from podo.runtime.log import Logger

log = Logger("podo.http")

NEVER = float("inf")
#: How much is parsed at once: bounds the requests that one read of a pipelining client can make.
_PARSE = 64 * 1024
#: Answers up to this size leave in one write.
_ONE_WRITE = 64 * 1024


class Home(Protocol):
    """The server as a connection sees it."""

    handler: Handler
    limits: Limits
    stopping: bool
    now: float  # the loop's time, a second behind at most

    def opened(self, connection: H1Connection) -> bool: ...
    def closed(self, connection: H1Connection) -> None: ...


class Refused(Exception):
    """A request that the server answers itself."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


@lru_cache(maxsize=64)
def _method(raw: bytes) -> str:
    return raw.decode("ascii")


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Who is at the other end; the certificate is taken from TLS here, once a connection."""
    address = transport.get_extra_info("peername")
    ssl_object = transport.get_extra_info("ssl_object")
    certificate = ssl_object.getpeercert(True) if ssl_object else None
    return Peer(f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "unix", certificate)


class H1Connection(asyncio.Protocol):
    """Phases: idle -> head -> running (its body may still arrive) -> idle, or tunnel, or lingering -> closed."""

    __slots__ = (
        "_eof",
        "_fields",
        "_gate",
        "_head_size",
        "_home",
        "_in_head",
        "_limits",
        "_linger_left",
        "_loop",
        "_parser",
        "_parsing",
        "_paused",
        "_peer",
        "_pending",
        "_queue",
        "_reading",
        "_running",
        "_streaming",
        "_task",
        "_transport",
        "_tunnel",
        "_url",
        "deadline",
    )

    def __init__(self, home: Home) -> None:
        self._home = home
        self._limits = home.limits
        self._loop = asyncio.get_running_loop()
        self._gate = Gate()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._parsing: H1Request | None = None  # its body is arriving
        self._running: H1Request | None = None  # its handler runs
        self._queue: deque[H1Request] = deque()  # parsed from the same bytes as the running one
        self._pending = b""  # bytes not parsed yet
        self._task: asyncio.Task[None] | None = None
        self._tunnel: RawTunnel | None = None
        self._streaming = False
        self._linger_left = -1  # bytes that may still be thrown away; -1: not lingering
        self._eof = False
        self._paused = False
        self._in_head = False
        self._head_size = 0  # bytes of the head before those that are read now
        self._reading = 0  # bytes that are read now
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self.deadline = NEVER  # loop time after which `expire` is called

    # -- what the transport tells ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._peer = peer_of(transport)
        keep_alive(transport)
        if not self._home.opened(self):
            self._transport.abort()
            return
        self.deadline = self._loop.time() + self._limits.head_seconds  # a new connection is expected to say something

    def data_received(self, data: bytes) -> None:
        if self._tunnel:
            self._tunnel.feed(data)
        elif self._linger_left >= 0:
            self._linger(len(data))
        elif self._running and self._parsing is not self._running:
            self._pending += data
            self._pause(True)
        else:
            self._parse(data)

    def eof_received(self) -> bool:
        """Half-closed by the client: what runs is answered still, except a stream, which nobody would end."""
        self._eof = True
        if self._tunnel:
            self._tunnel.feed_eof()
            return self._transport.can_write_eof()
        if self._parsing:
            self._parsing.lose()
        if self._streaming or not self._transport.can_write_eof():  # TLS does not half-close
            return False
        return self._running is not None

    def connection_lost(self, exc: Exception | None) -> None:
        self._home.closed(self)
        self.deadline = NEVER
        self._gate.lose()
        if self._parsing:
            self._parsing.lose()
        if self._tunnel:
            self._tunnel.feed_eof()
        if self._streaming and self._task:
            self._task.cancel()
        self._queue.clear()
        self._pending = b""

    def pause_writing(self) -> None:
        self._gate.pause()
        if not self._tunnel:
            self.deadline = self._loop.time() + self._limits.stall_seconds

    def resume_writing(self) -> None:
        self._gate.open()
        if self._running:
            self.deadline = NEVER

    # -- what the server tells ---------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        if self._in_head:
            self._refuse(Refused(408, "the head of the request did not arrive in time"))
        elif self._parsing and self._parsing is self._running and self._parsing.waiting and not self._gate.paused:
            self._parsing.lose()
            self._refuse(Refused(408, "the body of the request did not arrive in time"))
        elif self._gate.paused or self._linger_left >= 0:
            self._transport.abort()
        else:
            self._transport.close()

    def finish(self) -> None:
        """The server stops: end what is idle now, streams at once, the rest after its answer."""
        if self._streaming and self._task:
            self._task.cancel()
        elif self._running is None:
            self._transport.close()

    def abort(self) -> None:
        if self._task:
            self._task.cancel()
        self._transport.abort()

    # -- parsing -----------------------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        """Parse ``data`` up to the first request that has to wait for another; keep the rest."""
        total = len(data)
        view: bytes | memoryview = data if total <= _PARSE else memoryview(data)
        at = 0
        try:
            while at < total:
                piece = view if total <= _PARSE else view[at : at + _PARSE]
                self._reading = len(piece)
                at += self._reading
                self._parser.feed_data(piece)
                if self._in_head:
                    self._wait_for_head(self._reading)
                if self._running is None and self._queue:
                    self._start_next()
                if self._queue or (self._running and self._parsing is not self._running):
                    break
        except httptools.HttpParserUpgrade as upgrade:
            at += upgrade.args[0] - len(piece)
            if self._running is None and self._queue:
                self._start_next()
        except (httptools.HttpParserError, Refused) as wrong:
            cause = wrong.__context__ if isinstance(wrong, httptools.HttpParserCallbackError) else wrong
            self._refuse(cause if isinstance(cause, Refused) else Refused(400, f"not a request: {wrong}"))
            return
        if at < total:
            self._pending = bytes(view[at:])
            self._pause(True)

    def _wait_for_head(self, size: int) -> None:
        """A head goes on after the ``size`` bytes that were read."""
        if self._head_size == 0 and self._running is None:
            self.deadline = self._loop.time() + self._limits.head_seconds
        self._head_size += size
        if self._head_size > self._limits.head + self._limits.url:
            raise Refused(431, "the head of the request is too large")

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._url = b""
        self._fields = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # and not a trailer, which nobody reads
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        version = self._parser.get_http_version()
        headers = self._checked_headers(version)
        target = self._url.decode("ascii")
        method = _method(self._parser.get_method())
        if method == "CONNECT" or not target.startswith("/"):
            raise Refused(400, "the request target must be a path")
        request = H1Request(method, target, self._fields, headers, self._peer, version, self._wanted)
        request.keep_alive = self._parser.should_keep_alive()
        if "upgrade" in headers and self._parser.should_upgrade():
            if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
                raise Refused(400, "an upgrade request must not have a body")
            request.upgrade = True
        self._parsing = request
        self._queue.append(request)

    def _checked_headers(self, version: str) -> dict[str, str]:
        """The fields by lower-case name, joined; what llhttp lets pass and RFC 9112 does not is refused."""
        limits = self._limits
        if version not in ("1.1", "1.0"):
            raise Refused(505, f"HTTP/{version} is not supported here")
        if len(self._url) > limits.url:
            raise Refused(414, f"the URL is longer than {limits.url} bytes")
        if len(self._fields) > limits.header_count:
            raise Refused(431, f"the request has more than {limits.header_count} headers")
        if self._head_size + self._reading > limits.head:
            size = sum(len(name) + len(value) + 4 for name, value in self._fields)
            if size > limits.head:
                raise Refused(431, f"the headers are longer than {limits.head} bytes")
        headers: dict[str, str] = {}
        for raw_name, raw_value in self._fields:
            name, value = _name(raw_name), raw_value.decode("latin-1")
            if name in headers:
                if name == "host":
                    raise Refused(400, "the request has more than one Host")
                value = f"{headers[name]}, {value}"
            headers[name] = value
        if version == "1.1" and not headers.get("host"):
            raise Refused(400, "the request has no Host")
        return headers

    def on_body(self, piece: bytes) -> None:
        request = self._parsing
        assert request is not None
        request.feed(piece)
        if request.buffered > self._limits.body_ahead and request is self._running:
            self._pause(True)
        if request.waiting:
            self.deadline = self._loop.time() + self._limits.body_seconds

    def on_message_complete(self) -> None:
        request, self._parsing = self._parsing, None
        assert request is not None
        request.end()
        self.deadline = NEVER

    def _wanted(self, request: H1Request) -> None:
        """The handler of ``request`` takes its body: let it come."""
        if request.expects_continue and not self._gate.lost:
            request.expects_continue = False
            self._transport.write(CONTINUE)
        if request.buffered <= self._limits.body_ahead // 2:
            self._pause(False)
        if request.waiting:
            self.deadline = self._loop.time() + self._limits.body_seconds

    def _pause(self, paused: bool) -> None:
        if paused == self._paused or self._transport.is_closing():
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- running -----------------------------------------------------------------------------------------------------

    def _start_next(self) -> None:
        self._running = request = self._queue.popleft()
        self.deadline = NEVER
        # One task at a time, owned by this connection: a set of tasks would cost every request.
        self._task = self._loop.create_task(self._serve(request))

    async def _serve(self, request: H1Request) -> None:
        try:
            try:
                response = await self._home.handler(request)
            except Exception as failure:
                response = self._failed(request, failure)
            if isinstance(response, Response):
                if unsent := self._send(request, response):
                    await self._send_slices(unsent, response.body)
                if self._gate.paused:
                    await self._gate.passed()
            elif isinstance(response, Streaming):
                await self._stream(request, response)
            elif await self._hand_over(request, response):
                return
        except Disconnected:
            self._transport.close()
            return
        except Exception as failure:  # an answer that cannot be sent: half of it may be
            log.error("an answer could not be sent", failure, method=request.method, path=request.path)
            self._transport.close()
            return
        self._ended(request)

    def _failed(self, request: H1Request, failure: Exception) -> Response:
        """What to answer for a handler that raised: all but two exceptions are a bug, and logged."""
        if isinstance(failure, Disconnected):
            raise failure
        if isinstance(failure, TooLarge):
            return Response(413, refusal(413, str(failure)))
        log.error("a request broke its handler", failure, method=request.method, path=request.path)
        return Response(500, refusal(500, "an internal error, see the server's log"))

    def _closes(self, request: H1Request) -> bool:
        """Must the connection end after this answer? Once said, it stays so."""
        if not request.complete or self._home.stopping or self._eof or request.upgrade:
            request.keep_alive = False
        return not request.keep_alive

    def _send(self, request: H1Request, response: Response) -> bytes:
        """Send an answer, if it is small enough for one write; else its head is given back, unsent."""
        body = response.body
        parts: Sequence[bytes] = (body,) if isinstance(body, bytes) else body
        size = sum(map(len, parts))
        framing = b"" if bodiless(response.status) else b"Content-Length: %d\r\n" % size
        try:
            head = response_head(
                response.status, response.content_type, response.headers, framing, self._closes(request)
            )
        except ValueError as wrong:
            log.error("an answer has a bad header", wrong, path=request.path)
            return self._send(request, Response(500, refusal(500, "an internal error, see the server's log")))
        if self._gate.lost:
            raise Disconnected("the client is gone")
        if request.method == "HEAD" or not framing:
            self._transport.write(head)
        elif size <= _ONE_WRITE:
            self._transport.write(b"".join((head, *parts)))
        else:
            return head
        return b""

    async def _send_slices(self, head: bytes, body: bytes | Sequence[bytes]) -> None:
        """A large body, a slice a loop turn: others have their turn between, and the buffer stays small."""
        limit = self._limits.slice
        parts: Sequence[bytes] = (body,) if isinstance(body, bytes) else body
        gathered: list[bytes | memoryview] = [head]
        size = len(head)
        for part in parts:
            for piece in _pieces(part, limit):
                if size + len(piece) > limit:
                    await self._send_slice(gathered)
                    gathered, size = [], 0
                gathered.append(piece)
                size += len(piece)
        await self._send_slice(gathered)

    async def _send_slice(self, gathered: Sequence[bytes | memoryview]) -> None:
        self._transport.write(b"".join(gathered))
        await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, not time
        await self._gate.passed()

    async def _stream(self, request: H1Request, response: Streaming) -> None:
        chunked = request.version != "1.0"
        if not chunked:
            request.keep_alive = False
        framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        head = response_head(response.status, response.content_type, response.headers, framing, self._closes(request))
        silent = request.method == "HEAD"
        writer = StreamWriter(self._transport, self._gate, head, chunked=chunked, silent=silent)
        if silent:
            return writer.finish()
        self._streaming = True
        try:
            await response.produce(writer)
        except asyncio.CancelledError:
            if self._gate.lost or not self._home.stopping:
                raise
            request.keep_alive = False  # the server stops: an end in order, so that the client comes back elsewhere
        except Disconnected:
            raise
        except Exception as failure:
            # The status is sent: only an end without the last chunk tells the client that something is missing.
            log.error("a stream broke", failure, method=request.method, path=request.path)
            writer.flush()
            raise Disconnected("the stream broke") from failure
        finally:
            self._streaming = False
        writer.finish()
        if self._gate.paused:
            await self._gate.passed()
        return None

    async def _hand_over(self, request: H1Request, upgrade: Upgrade) -> bool:
        """Give the connection away until it ends; False if the request did not ask for that, and was told so."""
        if not request.upgrade:
            self._send(request, Response(400, refusal(400, "Upgrade request required")))
            return False
        early, self._pending = self._pending, b""
        self._tunnel = tunnel = RawTunnel(self._transport, self._gate, early, self._pause)
        self._pause(False)
        if self._eof:
            tunnel.feed_eof()
        try:
            await upgrade.run(tunnel)
        except Disconnected:
            pass
        except Exception as failure:
            log.error("a tunnel broke", failure, method=request.method, path=request.path)
        finally:
            self._transport.close()
        return True

    # -- after an answer ---------------------------------------------------------------------------------------------

    def _ended(self, request: H1Request) -> None:
        """The answer is sent: the next request, or the end."""
        self._running = self._task = None
        if self._gate.lost:
            return
        if self._in_head:  # of a pipelined request, which had to wait
            self.deadline = self._loop.time() + self._limits.head_seconds
        else:
            self.deadline = self._home.now + self._limits.idle_seconds
        if not request.complete:
            self._start_lingering(request)
        elif self._closes(request):
            self._transport.close()
        elif self._queue:
            self._start_next()
        elif self._pending:
            pending, self._pending = self._pending, b""
            self._parse(pending)
            if not self._pending and not self._transport.is_closing():
                self._pause(False)
        else:
            self._pause(False)

    def _start_lingering(self, request: H1Request) -> None:
        """Throw the rest of a body away for a while: closing at once would make the kernel throw away our answer."""
        self._linger_left = self._limits.unread_body
        self.deadline = self._loop.time() + self._limits.linger_seconds
        request.discard()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._pause(False)

    def _linger(self, size: int) -> None:
        self._linger_left -= size
        if self._linger_left < 0:
            self._transport.close()

    def _refuse(self, refused: Refused) -> None:
        """Answer without a handler, and close: what follows cannot be trusted to be a request."""
        self._in_head = False
        if self._running or self._transport.is_closing():  # an answer may be half sent
            self._transport.close()
            return
        body = refusal(refused.code, refused.message)
        head = response_head(refused.code, "application/json", (), b"Content-Length: %d\r\n" % len(body), True)
        self._transport.write(head + body)
        self._linger_left = self._limits.unread_body
        self.deadline = self._loop.time() + self._limits.linger_seconds
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


def _pieces(part: bytes, limit: int) -> Sequence[bytes | memoryview]:
    """``part`` in pieces of ``limit`` bytes at most, not copied."""
    if len(part) <= limit:
        return (part,)
    view = memoryview(part)
    return [view[at : at + limit] for at in range(0, len(part), limit)]
