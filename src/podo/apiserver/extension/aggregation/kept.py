"""Connections to extension API servers that are kept for the next request: a few for each server, for a while.

tunnel, is_fresh = await kept.take(place)    # is_fresh: made for this request
kept.give(place, tunnel)                     # or tunnel.close()
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import NamedTuple

from podo.apiserver.calling.connections import Trust, context_of
from podo.http import tunnel
from podo.http.writer import RawTunnel

#: Upstream's: connections that wait for each server, and how long; and servers whose connections are kept.
EACH, IDLE_SECONDS = 25, 90.0
SERVERS = 256


class Place(NamedTuple):
    """``name``: whom the certificate of the server must name."""

    host: str
    port: int
    name: str
    trust: Trust


class Kept:
    """The last used goes first, so that those of a busy hour end after it."""

    def __init__(self) -> None:
        self._idle: OrderedDict[Place, deque[tuple[float, RawTunnel]]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    async def take(self, place: Place) -> tuple[RawTunnel, bool]:
        """Raises OSError and TimeoutError, and CannotCall for a CA bundle that is none."""
        waiting = self._idle.get(place, ())
        while waiting:
            _, found = waiting.pop()
            if found.is_quiet:
                return found, False
            found.close()
        return await tunnel.connect(place.host, place.port, context_of(place.trust), place.name), True

    def give(self, place: Place, used: RawTunnel) -> None:
        if self._closed or not used.is_quiet:
            used.close()
            return
        waiting = self._idle.setdefault(place, deque())
        self._idle.move_to_end(place)
        waiting.append((asyncio.get_running_loop().time(), used))
        if len(waiting) > EACH:
            waiting.popleft()[1].close()
        if len(self._idle) > SERVERS:
            _drop(self._idle.popitem(last=False)[1])
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._tidy)

    def _tidy(self) -> None:
        """Close what nobody has wanted for long."""
        self._timer = None
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        for place, waiting in list(self._idle.items()):
            while waiting and waiting[0][0] <= oldest:
                waiting.popleft()[1].close()
            if not waiting:
                del self._idle[place]
        if self._idle:
            self._set_timer()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for waiting in self._idle.values():
            _drop(waiting)
        self._idle.clear()


def _drop(waiting: deque[tuple[float, RawTunnel]]) -> None:
    for _, one in waiting:
        one.close()
