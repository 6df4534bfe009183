"""The sending half of an HTTP/1.1 connection: whole answers, large ones in slices, streams, refusals."""

from __future__ import annotations

import asyncio

from podo.http.body import Body, size_of
from podo.http.head import bodiless, refusal, response_head
from podo.http.limits import Limits
from podo.http.message import Disconnected, Response, Streaming
from podo.http.request import ArrivingRequest
from podo.http.serving import Refused, bad_header, slices
from podo.http.writer import Gate, StreamWriter

#: Answers up to this size leave in one write.
_ONE_WRITE = 64 * 1024


class H1Sender:
    __slots__ = ("_gate", "_limits", "_transport")

    def __init__(self, transport: asyncio.Transport, gate: Gate, limits: Limits) -> None:
        self._transport = transport
        self._gate = gate
        self._limits = limits

    def send(self, request: ArrivingRequest, response: Response, closes: bool) -> bytes:
        """Send an answer, if it is small enough for one write; else its head is given back, unsent."""
        body = response.body
        size = size_of(body)
        framing = b"" if bodiless(response.status) else b"Content-Length: %d\r\n" % size
        try:
            head = response_head(response.status, response.content_type, response.headers, framing, closes)
        except ValueError as wrong:
            return self.send(request, bad_header(wrong, request), closes)
        if self._gate.lost:
            raise Disconnected("the client is gone")
        if request.method == "HEAD" or not framing:
            self._transport.write(head)
        elif size <= _ONE_WRITE:
            self._transport.write(head + body if isinstance(body, bytes) else b"".join((head, *body)))
        else:
            return head
        return b""

    async def send_slices(self, head: bytes, body: Body) -> None:
        """A large body, a slice a loop turn: others have their turn between, and the buffer stays small."""
        for gathered in slices(body, self._limits.slice):
            self._transport.writelines((head, *gathered) if head else gathered)
            head = b""
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, not time
            await self._gate.passed()

    def stream(self, request: ArrivingRequest, response: Streaming, closes: bool) -> StreamWriter:
        """The head of a stream is sent with the first of its body."""
        chunked = request.version != "1.0"
        framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        head = response_head(response.status, response.content_type, response.headers, framing, closes)
        return StreamWriter(self._transport, self._gate, head, chunked=chunked, silent=request.method == "HEAD")

    def refuse(self, refused: Refused) -> None:
        """Answer without a request."""
        body = refusal(refused.code, refused.message)
        head = response_head(refused.code, "application/json", (), b"Content-Length: %d\r\n" % len(body), True)
        self._transport.write(head + body)
