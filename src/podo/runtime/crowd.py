"""Crowds in one event loop: of thousands of tasks that wake at the same time only a few go on in a turn of the loop,
and the others in the turns after it, first come first served. In between the loop serves its sockets.

::

    await turn()   # before each piece of work that many may want to begin at once

Pieces are counted, not timed, so that what runs when does not depend on the machine's speed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

#: Pieces of work that begin in one turn of the loop. Each takes up to a millisecond of a slow machine.
A_TURN = 32


class _Crowd:
    """Those of one event loop."""

    __slots__ = ("_left", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = A_TURN
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> asyncio.Future[None] | None:
        """None for one who may go on at once, else what to wait for."""
        if self._left == A_TURN:
            self._loop.call_soon(self._next_turn)
        if self._left:
            self._left -= 1
            return None
        future = self._loop.create_future()
        self._waiting.append(future)
        return future

    def _next_turn(self) -> None:
        self._left = A_TURN
        while self._left and self._waiting:
            future = self._waiting.popleft()
            if not future.done():  # its task may have been cancelled
                future.set_result(None)
                self._left -= 1
        if self._left < A_TURN:
            self._loop.call_soon(self._next_turn)


_crowds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Crowd] = WeakKeyDictionary()


async def turn() -> None:
    """Go on in this turn of the loop, or in the first that is not full."""
    loop = asyncio.get_running_loop()
    crowd = _crowds.get(loop)
    if crowd is None:
        crowd = _crowds[loop] = _Crowd(loop)
    waits_for = crowd.enter()
    if waits_for is not None:
        await waits_for
