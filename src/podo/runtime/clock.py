"""Clocks. Everything that wants to know the time is given one of these."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio  # at run time only where there is a loop already: the supervisor has none and stays small


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Wall time: seconds since 1970-01-01T00:00:00Z."""

    def monotonic(self) -> float:
        """Seconds from some fixed point; never goes back."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class LoopClock:
    """Wall time tied to an event loop's time, so that changing the loop (``lab.virtualtime``) moves both clocks."""

    def __init__(self, start: float, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._offset = start - self._loop.time()

    def now(self) -> float:
        return self._offset + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()


def pause(seconds: float) -> None:
    """Block this thread: for commands, which have no loop. Everything else awaits ``runtime.tasks.sleep``."""
    time.sleep(seconds)
