"""One HTTP/1.1 connection of a server: bytes to requests, a task for each request in its turn, answers to bytes.

httptools (llhttp) parses, ``head_h1`` reads and checks the heads; this file keeps pipelined requests in order by not
parsing past the running one, and closes whenever what follows on the connection could be mistaken for a request.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from podo.http.head import CONTINUE
from podo.http.head_h1 import HeadReader
from podo.http.keepalive import keep_alive
from podo.http.message import Disconnected, Response, Streaming, Upgrade
from podo.http.request import ArrivingRequest
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
        "_gate",
        "_home",
        "_limits",
        "_linger_left",
        "_loop",
        "_parser",
        "_paused",
        "_pending",
        "_reader",
        "_running",
        "_sender",
        "_streaming",
        "_task",
        "_transport",
        "_tunnel",
        "deadline",
    )

    def __init__(self, home: Home) -> None:
        self._home = home
        self._limits = home.limits
        self._loop = asyncio.get_running_loop()
        self._gate = Gate()
        self._transport: asyncio.Transport
        self._reader: HeadReader
        self._parser: httptools.HttpRequestParser
        self._running: ArrivingRequest | None = None  # its handler runs
        self._pending = b""  # bytes not parsed yet
        self._task: asyncio.Task[None] | None = None
        self._tunnel: RawTunnel | None = None
        self._streaming = False
        self._linger_left = -1  # bytes that may still be thrown away; -1: not lingering
        self._eof = False
        self._paused = False
        self.deadline = NEVER  # loop time after which `expire` is called

    # -- what the transport tells ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._reader = HeadReader(self._limits, peer_of(transport), self._wanted, self._body_came, self._message_ended)
        self._parser = self._reader.parser
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
        elif self._running and self._reader.unfinished is not self._running:
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
        if self._reader.unfinished:
            self._reader.unfinished.lose()
        if self._streaming or not self._transport.can_write_eof():  # TLS does not half-close
            return False
        return self._running is not None

    def connection_lost(self, exc: Exception | None) -> None:
        self._home.closed(self)
        self.deadline = NEVER
        self._gate.lose()
        if self._reader.unfinished:
            self._reader.unfinished.lose()
        if self._tunnel:
            self._tunnel.feed_eof()
        if self._streaming and self._task:
            self._task.cancel()
        self._reader.heads.clear()
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
        unfinished = self._reader.unfinished
        if self._reader.in_head:
            self._refuse(Refused(408, "the head of the request did not arrive in time"))
        elif unfinished and unfinished is self._running and unfinished.waiting and not self._gate.paused:
            unfinished.lose()
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
        reader, total = self._reader, len(data)
        view: bytes | memoryview = data if total <= _PARSE else memoryview(data)
        at = 0
        try:
            while at < total:
                piece = view if total <= _PARSE else view[at : at + _PARSE]
                reader.reading = len(piece)
                at += reader.reading
                self._parser.feed_data(piece)
                if reader.in_head:
                    if reader.is_new and self._running is None:
                        self.deadline = self._loop.time() + self._limits.head_seconds
                    reader.goes_on()
                if self._running is None and reader.heads:
                    self._start_next()
                if reader.heads or (self._running and reader.unfinished is not self._running):
                    break
        except httptools.HttpParserUpgrade as upgrade:
            at += upgrade.args[0] - len(piece)
            if self._running is None and reader.heads:
                self._start_next()
        except (httptools.HttpParserError, Refused) as wrong:
            cause = wrong.__context__ if isinstance(wrong, httptools.HttpParserCallbackError) else wrong
            self._refuse(cause if isinstance(cause, Refused) else Refused(400, f"not a request: {wrong}"))
            return
        if at < total:
            self._pending = bytes(view[at:])
            self._pause(True)

    def _body_came(self, piece: bytes) -> None:
        request = self._reader.unfinished
        assert request is not None
        request.feed(piece)
        if request.buffered > self._limits.body_ahead and request is self._running:
            self._pause(True)
        if request.waiting:
            self.deadline = self._loop.time() + self._limits.body_seconds

    def _message_ended(self) -> None:
        reader = self._reader
        request, reader.unfinished = reader.unfinished, None
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
        self._running = request = self._reader.heads.popleft()
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
        if self._reader.in_head:  # of a pipelined request, which had to wait
            self.deadline = self._loop.time() + self._limits.head_seconds
        else:
            self.deadline = self._home.now + self._limits.idle_seconds
        if not request.complete:
            self._start_lingering(request)
        elif self._closes(request):
            self._transport.close()
        elif self._reader.heads:
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
        self._reader.in_head = False
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
