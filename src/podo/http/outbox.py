"""The body of a stream for a reader in this process: what is written comes out as pieces, with back-pressure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from podo.http.message import Disconnected

#: Bytes that may wait before ``drain`` lets the producer wait.
_AHEAD = 64 * 1024
#: Cuts what was written at once into the pieces that come out.
Split = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> tuple[bytes]:
    """What was written at once comes out at once."""
    return (data,)


class Outbox:
    """A ``podo.http.message.Writer`` whose bytes ``messages`` gives."""

    together = None

    def __init__(self, split: Split = whole) -> None:
        self._split = split
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self.closed = False
        self.buffered = 0

    def write(self, data: bytes) -> None:
        if self.closed:
            return
        for message in self._split(data):
            self._waiting.append(message)
            self.buffered += len(message)
        self._changed.set()

    def write_all(self, parts: Sequence[bytes]) -> None:
        self.write(b"".join(parts))

    async def drain(self) -> None:
        while self.buffered > _AHEAD and not self.closed:
            await self._change()
        if self.closed:
            raise Disconnected("the client is gone")

    async def wait_closed(self) -> None:
        while not self.closed:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def end(self) -> None:
        """Nothing more will be written."""
        self._ended = True
        self._changed.set()

    def lose(self) -> None:
        """The client is gone."""
        self.closed = True
        self._changed.set()

    async def messages(self) -> AsyncIterator[bytes]:
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                yield message
                self.buffered -= len(message)
                self._changed.set()
            if self._ended:
                return
            await self._change()
