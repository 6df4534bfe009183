"""One HTTP/1.1 connection of a server: bytes to requests, a task for each request in its turn, answers to bytes.

httptools (llhttp) parses; this file adds what it does not check (a Host, sizes of heads), keeps pipelined requests in
order by not parsing past the running one, and closes whenever what follows on the connection could be mistaken for a
request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import httptools

from podo.http.head import CONTINUE
from podo.http.keepalive import keep_alive
from podo.http.message import Disconnected, Response, Streaming, Upgrade
from podo.http.request import ArrivingRequest, header_name, method_name
from podo.http.sending_h1 import H1Sender
from podo.http.serving import NOT_UPGRADED, Home, Refused, StreamBroke, failed, peer_of, produced
from podo.http.writer import Gate, RawTunnel
from podo.runtime.log import Logger

log = Logger("podo.http")

NEVER = float("inf")
#: How much is parsed at once: bounds the requests that one read of a pipelining client can make.
_PARSE = 64 * 1024


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
        "_sender",
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
        self._parsing: ArrivingRequest | None = None  # its body is arriving
        self._running: ArrivingRequest | None = None  # its handler runs
        self._queue: deque[ArrivingRequest] = deque()  # parsed from the same bytes as the running one
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
        self._sender = H1Sender(self._transport, self._gate, self._limits)
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

    @property
    def answering(self) -> bool:
        return self._running is not None or self._tunnel is not None

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
        method = method_name(self._parser.get_method())
        if method == "CONNECT" or not target.startswith("/"):
            raise Refused(400, "the request target must be a path")
        request = ArrivingRequest(method, target, self._fields, headers, self._peer, version, self._wanted)
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
            name, value = header_name(raw_name), raw_value.decode("latin-1")
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

    def _wanted(self, request: ArrivingRequest) -> None:
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

    async def _serve(self, request: ArrivingRequest) -> None:
        sender = self._sender
        try:
            try:
                response = await self._home.handler(request)
            except Exception as failure:
                response = failed(request, failure)
            if isinstance(response, Response):
                if unsent := sender.send(request, response, self._closes(request)):
                    await sender.send_slices(unsent, response.body)
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

    def _closes(self, request: ArrivingRequest) -> bool:
        """Must the connection end after this answer? Once said, it stays so."""
        if not request.complete or self._home.stopping or self._eof or request.upgrade:
            request.keep_alive = False
        return not request.keep_alive

    async def _stream(self, request: ArrivingRequest, response: Streaming) -> None:
        if request.version == "1.0":
            request.keep_alive = False  # the end of the connection is the end of the body
        writer = self._sender.stream(request, response, self._closes(request))
        if request.method == "HEAD":
            return writer.finish()
        self._streaming = True
        try:
            await produced(response, request, writer)
        except asyncio.CancelledError:
            if self._gate.lost or not self._home.stopping:
                raise
            request.keep_alive = False  # the server stops: an end in order, so that the client comes back elsewhere
        except StreamBroke:
            writer.flush()  # and no last chunk
            raise
        finally:
            self._streaming = False
        writer.finish()
        if self._gate.paused:
            await self._gate.passed()
        return None

    async def _hand_over(self, request: ArrivingRequest, upgrade: Upgrade) -> bool:
        """Give the connection away until it ends; False if the request did not ask for that, and was told so."""
        if not request.upgrade:
            self._sender.send(request, NOT_UPGRADED, self._closes(request))
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

    def _ended(self, request: ArrivingRequest) -> None:
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

    def _start_lingering(self, request: ArrivingRequest) -> None:
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
        self._sender.refuse(refused)
        self._linger_left = self._limits.unread_body
        self.deadline = self._loop.time() + self._limits.linger_seconds
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()
