"""The two ways to write to a connection for long: the body of a stream (chunked), and the raw bytes of a tunnel."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from podo.http.message import Disconnected

#: Bytes of a tunnel kept for a reader that is slow to take them; more stops reading from the socket.
TUNNEL_AHEAD = 256 * 1024
#: Pieces up to this size together are joined into one write.
_JOIN = 256 * 1024


class Gate:
    """Open while the transport takes more; a writer waits at it. Closed for good once the connection is lost."""

    __slots__ = ("_waiters", "lost", "paused")

    def __init__(self) -> None:
        self.paused = False
        self.lost = False
        self._waiters: deque[asyncio.Future[None]] = deque()

    def pause(self) -> None:
        self.paused = True

    def open(self) -> None:
        self.paused = False
        self._wake()

    def lose(self) -> None:
        self.lost = True
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def passed(self) -> None:
        """Return when writing may go on; ``Disconnected`` if it never will."""
        while self.paused and not self.lost:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self.lost:
            raise Disconnected("the client is gone")

    async def lost_for_good(self) -> None:
        while not self.lost:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


class StreamWriter:
    """``podo.http.message.Writer`` over HTTP/1.1: chunked, or to the end of the connection for an HTTP/1.0 client."""

    __slots__ = ("_chunked", "_gate", "_loop", "_pending", "_pending_size", "_scheduled", "_silent", "_transport")
    together = None

    def __init__(self, transport: asyncio.Transport, gate: Gate, head: bytes, *, chunked: bool, silent: bool) -> None:
        self._transport = transport
        self._gate = gate
        self._chunked = chunked
        self._silent = silent  # the answer to HEAD
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = [head]
        self._pending_size = len(head)
        self._scheduled = True
        self._loop.call_soon(self.flush)

    @property
    def closed(self) -> bool:
        return self._gate.lost

    @property
    def buffered(self) -> int:
        return self._pending_size + self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """As ``write_all`` of one part, without its loops: a watch calls this once a delivery."""
        size = len(data)
        if not size or self._silent or self._gate.lost:
            return
        if self._chunked:
            self._pending += (b"%x\r\n" % size, data, b"\r\n")
        else:
            self._pending.append(data)
        self._pending_size += size
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def write_all(self, parts: Sequence[bytes]) -> None:
        size = sum(map(len, parts))
        if not size or self._silent or self._gate.lost:
            return
        if self._chunked:
            self._pending.append(b"%x\r\n" % size)
            self._pending.extend(parts)
            self._pending.append(b"\r\n")
        else:
            self._pending.extend(parts)
        self._pending_size += size
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Give what gathered to the socket."""
        self._scheduled = False
        pending, size = self._pending, self._pending_size
        if not pending or self._gate.lost:
            return
        self._pending, self._pending_size = [], 0
        if size <= _JOIN:
            self._transport.write(b"".join(pending))
        else:
            self._transport.writelines(pending)

    async def drain(self) -> None:
        self.flush()
        await self._gate.passed()

    async def wait_closed(self) -> None:
        await self._gate.lost_for_good()

    def finish(self) -> None:
        if self._chunked and not self._silent:
            self._pending.append(b"0\r\n\r\n")
        self.flush()


class RawTunnel:
    """``podo.http.message.Tunnel`` over a server's or client's connection."""

    __slots__ = ("_chunks", "_eof", "_gate", "_pause", "_paused", "_size", "_transport", "_waiter")

    def __init__(self, transport: asyncio.Transport, gate: Gate, early: bytes, pause: Callable[[bool], None]) -> None:
        self._transport = transport
        self._gate = gate
        self._pause = pause
        self._paused = False
        self._chunks: deque[bytes] = deque([early] if early else [])
        self._size = len(early)
        self._eof = False
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        while not self._chunks:
            if self._eof:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._chunks.popleft()
        self._size -= len(piece)
        if self._paused and self._size <= TUNNEL_AHEAD // 2:
            self._paused = False
            self._pause(False)
        return piece

    async def write(self, data: bytes) -> None:
        if self._gate.lost:
            raise Disconnected("the other end is gone")
        self._transport.write(data)
        await self._gate.passed()

    def write_eof(self) -> None:
        """Say that no more will be written. TLS cannot without ending both ways: then only ``close`` tells."""
        if not self._gate.lost and self._transport.can_write_eof():
            self._transport.write_eof()

    @property
    def is_quiet(self) -> bool:
        """Open both ways, with nothing to be read: so it may be kept for a next request."""
        return not (self._eof or self._chunks or self._gate.lost or self._transport.is_closing())

    def close(self) -> None:
        self._transport.close()

    def feed(self, piece: bytes) -> None:
        self._chunks.append(piece)
        self._size += len(piece)
        if self._size > TUNNEL_AHEAD and not self._paused:
            self._paused = True
            self._pause(True)
        self._wake()

    def feed_eof(self) -> None:
        self._eof = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
