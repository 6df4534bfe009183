"""A request as it arrives: its head, and its body piece by piece, with back-pressure on whoever brings it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache

from podo.http.message import Disconnected, Peer, TooLarge


@lru_cache(maxsize=256)
def header_name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


@lru_cache(maxsize=64)
def method_name(raw: bytes) -> str:
    return raw.decode("ascii")


class ArrivingRequest:
    """``podo.http.message.Request`` over one message of HTTP/1.1 or HTTP/2."""

    __slots__ = (
        "_buffered",
        "_chunks",
        "_gone",
        "_length",
        "_on_need",
        "_released",
        "_waiter",
        "complete",
        "expects_continue",
        "headers",
        "keep_alive",
        "method",
        "path",
        "peer",
        "query",
        "raw_headers",
        "stream",
        "upgrade",
        "version",
    )

    def __init__(
        self,
        method: str,
        target: str,
        raw_headers: list[tuple[bytes, bytes]],
        headers: dict[str, str],
        peer: Peer,
        version: str,
        on_need: Callable[[ArrivingRequest], None],
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.raw_headers = raw_headers
        self.headers: Mapping[str, str] = headers
        self.peer = peer
        self.version = version
        self.keep_alive = True
        self.upgrade = False
        self.complete = False  # the whole body is here
        self.expects_continue = "expect" in headers and version != "1.0" and headers["expect"].lower() == "100-continue"
        self._length = int(headers["content-length"]) if "content-length" in headers else 0
        self._chunks: deque[bytes] | None = None  # made for those that have a body
        self._buffered = 0
        self._released = 0
        self.stream = 0  # its number on a connection of HTTP/2
        self._gone = False
        self._waiter: asyncio.Future[None] | None = None
        self._on_need = on_need  # tells the connection that the handler waits for more of the body

    @property
    def buffered(self) -> int:
        """Bytes of the body that the handler has not taken."""
        return self._buffered

    @property
    def waiting(self) -> bool:
        """Does the handler wait for more of the body?"""
        return self._waiter is not None

    async def body(self, limit: int) -> bytes:
        if self._length > limit:
            raise TooLarge(f"the body is {self._length} bytes, the limit is {limit}")
        taken: list[bytes] = []
        size = 0
        while piece := await self._next():
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the body is longer than the limit of {limit} bytes")
            taken.append(piece)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    async def chunks(self) -> AsyncIterator[bytes]:
        while piece := await self._next():
            yield piece

    async def _next(self) -> bytes:
        """Some bytes of the body; b"" at its end."""
        while not self._chunks:
            if self.complete:
                return b""
            if self._gone:
                raise Disconnected("the client went away before the end of the body")
            self._waiter = asyncio.get_running_loop().create_future()
            self._on_need(self)
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._chunks.popleft()
        self._buffered -= len(piece)
        self._released += len(piece)
        if not self.complete:
            self._on_need(self)
        return piece

    def feed(self, piece: bytes) -> None:
        if self._chunks is None:
            self._chunks = deque()
        self._chunks.append(piece)
        self._buffered += len(piece)
        self._wake()

    def end(self) -> None:
        self.complete = True
        self._wake()

    def lose(self) -> None:
        """The client is gone."""
        self._gone = True
        self._wake()

    def discard(self) -> int:
        """Forget what is buffered of the body; how many bytes that were."""
        dropped, self._buffered = self._buffered, 0
        self._chunks = None
        return dropped

    def released(self, *, everything: bool = False) -> int:
        """Bytes of the body that the handler has taken since the last call; ``everything``: or will never take."""
        size, self._released = self._released, 0
        return size + self.discard() if everything else size

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
