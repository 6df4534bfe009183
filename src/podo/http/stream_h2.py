"""One stream of an HTTP/2 connection: a request, its handler, and the answer with back-pressure of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from podo.http.body import size_of
from podo.http.engine import CANCEL, INTERNAL_ERROR, Engine
from podo.http.head import bodiless
from podo.http.head_h2 import response_fields
from podo.http.limits import Limits
from podo.http.message import Disconnected, Handler, Response, Streaming
from podo.http.request import ArrivingRequest
from podo.http.serving import NOT_UPGRADED, StreamBroke, bad_header, failed, log, produced, slices
from podo.http.writer import Gate

#: A writer may go on when this much or less of its stream waits.
LOW_WATER = 64 * 1024
_ONE_WRITE = 64 * 1024


class Carrier(Protocol):
    """The connection as a stream sees it."""

    engine: Engine
    limits: Limits
    handler: Handler
    marked: bool  # ``mark`` was called since all was sent

    @property
    def stopping(self) -> bool: ...

    def mark(self) -> None:
        """Something is to be sent: soon."""

    def write_each(self, writers: Sequence[H2Stream], data: bytes) -> None:
        """More of the answers of its streams."""

    def hold(self, stream: H2Stream) -> None:
        """The stream waits for its client to take what is queued."""

    def ended(self, stream: H2Stream) -> None:
        """The handler is done, and its answer queued."""


class H2Stream:
    """``podo.http.message.Writer`` too, where the answer is a stream."""

    __slots__ = ("_carrier", "answered", "deadline", "gate", "number", "request", "streaming", "task", "unread")

    def __init__(self, carrier: Carrier, number: int) -> None:
        self._carrier = carrier
        self.number = number
        self.gate = Gate()
        self.request: ArrivingRequest | None = None
        self.task: asyncio.Task[None] | None = None
        self.streaming = False
        self.answered = False
        self.unread = 0  # bytes of the body that were thrown away after the answer
        self.deadline = float("inf")  # loop time at which what it waits for is late

    # -- serving -----------------------------------------------------------------------------------------------------

    async def serve(self, request: ArrivingRequest) -> None:
        try:
            try:
                response = await self._carrier.handler(request)
            except Exception as failure:
                response = failed(request, failure)
            if isinstance(response, Streaming):
                await self._stream(request, response)
            else:
                await self.send(request.method, response if isinstance(response, Response) else NOT_UPGRADED)
        except Disconnected:
            self._give_up(CANCEL)
        except asyncio.CancelledError:
            self._give_up(CANCEL)
            raise
        except Exception as failure:  # an answer that cannot be sent: half of it may be
            log.error("an answer could not be sent", failure, method=request.method, path=request.path)
            self._give_up(INTERNAL_ERROR)
        finally:
            self.answered = True
            self._carrier.ended(self)

    def _give_up(self, code: int) -> None:
        if not self.gate.lost and not self.answered:  # the connection may have refused the request meanwhile
            self._carrier.engine.reset(self.number, code)
            self._carrier.mark()

    async def send(self, method: str, response: Response) -> None:
        """A whole answer. Raises Disconnected."""
        body = response.body
        size = size_of(body)
        try:
            fields = response_fields(response, size)
        except ValueError as wrong:
            assert self.request is not None
            return await self.send(method, bad_header(wrong, self.request))
        if self.gate.lost:
            raise Disconnected("the client is gone")
        engine, number = self._carrier.engine, self.number
        empty = not size or method == "HEAD" or bodiless(response.status)
        engine.respond(number, fields, empty)
        self._carrier.mark()
        if empty:
            return None
        if size <= _ONE_WRITE:
            engine.body(number, body if isinstance(body, bytes) else b"".join(body), True)
            return None
        for gathered in slices(body, self._carrier.limits.slice):
            size -= sum(map(len, gathered))
            engine.body(number, b"".join(gathered), size == 0)
            self._carrier.mark()
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, not time
            await self.drain()
        return None

    async def _stream(self, request: ArrivingRequest, response: Streaming) -> None:
        silent = request.method == "HEAD"
        engine = self._carrier.engine
        engine.respond(self.number, response_fields(response, None), silent)
        self._carrier.mark()
        if silent:
            return
        self.streaming = True
        try:
            await produced(response, request, self)
        except asyncio.CancelledError:
            if self.gate.lost or not self._carrier.stopping:
                raise
        except StreamBroke:
            self._give_up(INTERNAL_ERROR)
            return
        finally:
            self.streaming = False
        engine.body(self.number, b"", True)
        self._carrier.mark()

    # -- writing -----------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.gate.lost

    @property
    def together(self) -> Carrier:
        return self._carrier

    @property
    def buffered(self) -> int:
        return self._carrier.engine.queued(self.number)

    def write(self, data: bytes) -> None:
        if data and not self.gate.lost:
            carrier = self._carrier
            carrier.engine.body(self.number, data, False)
            if not carrier.marked:
                carrier.mark()

    def write_all(self, parts: Sequence[bytes]) -> None:
        self.write(parts[0] if len(parts) == 1 else b"".join(parts))

    async def drain(self) -> None:
        self._carrier.mark()
        if self.buffered > LOW_WATER:
            self.gate.pause()
            self._carrier.hold(self)
        await self.gate.passed()

    async def wait_closed(self) -> None:
        await self.gate.lost_for_good()
