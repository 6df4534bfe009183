"""What connections of both versions of HTTP share: the server as they see it, and a handler's answer to a request,
also where the handler breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol

from podo.http.body import Body, parts_of
from podo.http.head import refusal
from podo.http.limits import Limits
from podo.http.message import (
    Disconnected,
    Handler,
    Peer,
    Request,
    Response,
    Streaming,
    TooLarge,
    Writer,
)
from podo.runtime.log import Logger

log = Logger("podo.http")

NOT_UPGRADED = Response(400, refusal(400, "Upgrade request required"))


class Connection(Protocol):
    """A connection as the server sees it."""

    deadline: float  # loop time after which ``expire`` is called

    @property
    def answering(self) -> bool:
        """Is a request under way, or a tunnel open?"""

    def expire(self) -> None: ...
    def finish(self) -> None:
        """The server stops: end what is idle now, streams at once, the rest after its answer."""

    def abort(self) -> None: ...


class Home(Protocol):
    """The server as a connection sees it."""

    handler: Handler
    limits: Limits
    stopping: bool
    now: float  # the loop's time, a second behind at most

    def opened(self, connection: Connection) -> bool: ...
    def closed(self, connection: Connection) -> None: ...


class Refused(Exception):
    """A request that the server answers itself."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def response(self) -> Response:
        return Response(self.code, refusal(self.code, self.message))


class StreamBroke(Disconnected):
    """A stream's producer failed: the client must not take what it has for the whole."""


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Who is at the other end; the certificate is taken from TLS here, once a connection."""
    address = transport.get_extra_info("peername")
    ssl_object = transport.get_extra_info("ssl_object")
    certificate = ssl_object.getpeercert(True) if ssl_object else None
    return Peer(f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "unix", certificate)


def failed(request: Request, failure: Exception) -> Response:
    """What to answer for a handler that raised: all but two exceptions are a bug, and logged. Raises Disconnected."""
    if isinstance(failure, Disconnected):
        raise failure
    if isinstance(failure, TooLarge):
        return Response(413, refusal(413, str(failure)))
    log.error("a request broke its handler", failure, method=request.method, path=request.path)
    return Response(500, refusal(500, "an internal error, see the server's log"))


async def produced(response: Streaming, request: Request, writer: Writer) -> None:
    """Let a stream write its body. Raises StreamBroke: the status is sent, only a broken end tells the client."""
    try:
        await response.produce(writer)
    except Disconnected:
        raise
    except Exception as failure:
        log.error("a stream broke", failure, method=request.method, path=request.path)
        raise StreamBroke("the stream broke") from failure


def bad_header(wrong: ValueError, request: Request) -> Response:
    """What to answer instead of an answer with a header that cannot be sent."""
    log.error("an answer has a bad header", wrong, path=request.path)
    return Response(500, refusal(500, "an internal error, see the server's log"))


def slices(body: Body, limit: int) -> Iterator[list[bytes | memoryview]]:
    """The body in lists of parts of ``limit`` bytes at most together, large parts cut without copying."""
    gathered: list[bytes | memoryview] = []
    size = 0
    for part in parts_of(body):
        for piece in _pieces(part, limit):
            if size + len(piece) > limit:
                yield gathered
                gathered, size = [], 0
            gathered.append(piece)
            size += len(piece)
    if gathered:
        yield gathered


def _pieces(part: bytes, limit: int) -> Sequence[bytes | memoryview]:
    if len(part) <= limit:
        return (part,)
    view = memoryview(part)
    return [view[at : at + limit] for at in range(0, len(part), limit)]
