"""Requests and responses as handlers see them, whatever the version of HTTP.

A handler is ``async def handle(request: Request) -> Response``. It gives back one of three kinds of response: a
whole body (``Response``), a stream that it writes itself (``Streaming``) or a connection taken over as raw bytes
(``Upgrade``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from podo.http.body import Body


@dataclass(slots=True)
class Peer:
    """The other end; one value a connection, so ``notes`` may keep what is worked out once (who the user is)."""

    address: str  # "127.0.0.1:53210", or "unix"
    certificate: bytes | None = None  # DER of the verified client certificate
    notes: dict[str, object] = field(default_factory=dict)


class Request(Protocol):
    method: str
    path: str  # percent-encoded, as sent, without the query
    query: str  # as sent, without "?"
    headers: Mapping[str, str]  # lower-case names; repeated headers joined by ", "
    peer: Peer
    version: str  # "1.1" or "2"

    async def body(self, limit: int) -> bytes:
        """The whole body; raises ``TooLarge`` past ``limit`` bytes, ``Disconnected`` if the client went away."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, with back-pressure."""


class TooLarge(Exception):
    """The body is longer than the handler allows."""


class Disconnected(Exception):
    """The other end is gone."""


class Writer(Protocol):
    """The body of a streaming response."""

    @property
    def closed(self) -> bool:
        """The client is gone."""

    def write(self, data: bytes) -> None:
        """Send soon: writes of one loop turn leave together. Never blocks; look at ``buffered``."""

    def write_all(self, parts: Sequence[bytes]) -> None:
        """``write`` of several parts without joining them first."""

    @property
    def together(self) -> Together | None:
        """What writes the same to several streams of this connection; None where there is one at most."""

    @property
    def buffered(self) -> int:
        """Bytes not yet taken by the socket."""

    async def drain(self) -> None:
        """Wait until the buffer is small again; raises ``Disconnected``."""

    async def wait_closed(self) -> None:
        """Return when the client is gone."""


class Together(Protocol):
    """A connection that carries many streams."""

    def write_each(self, writers: Sequence[Any], data: bytes) -> None:
        """``Writer.write`` to each of ``writers``, which are of this connection."""


class Tunnel(Protocol):
    """A connection taken over: bytes both ways."""

    async def read(self) -> bytes:
        """Some bytes; b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Send, waiting while the other end is slow."""

    def write_eof(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Response:
    """A whole answer. ``body`` may be several parts, sent without being joined first."""

    status: int = 200
    body: Body = b""
    content_type: str = "application/json"
    headers: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Streaming:
    """An answer whose body ``produce`` writes; it ends when ``produce`` returns."""

    produce: Callable[[Writer], Awaitable[None]]
    status: int = 200
    content_type: str = "application/json"
    headers: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Upgrade:
    """Take the connection over (HTTP/1.1 only).

    ``run`` is given a tunnel on which nothing has been answered yet: it writes the response head itself, which is
    what a byte tunnel to another server needs (``podo.http.tunnel`` makes one).
    """

    run: Callable[[Tunnel], Awaitable[None]]


Handler = Callable[[Request], Awaitable[Response | Streaming | Upgrade]]
