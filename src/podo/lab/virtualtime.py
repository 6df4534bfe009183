"""Virtual time: an event loop whose clock jumps to the next timer when nothing is ready, so that a day passes in no
time.

Everything that waits through the loop (sleeps, timeouts, ``LoopClock``) follows. Nothing that happens outside of the
loop is
waited for: there must be no sockets and no threads to wait on. With no timer left to jump to, nothing can ever
happen again:
that is a ``Deadlock``.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Where virtual time begins unless told otherwise: 2026-01-01T00:00:00Z.
START = 1_767_225_600.0


#: In how many turns of the loop the machine is asked once whether a file is ready.
LOOK_EVERY = 256
#: Later than this (97 days) asyncio's idea of "now" of a nanosecond is less than a float can tell from now.
EXACT = 2.0**23


class Deadlock(RuntimeError):
    """Every task waits and no timer is set."""


class _Selector(selectors.SelectSelector):
    """Instead of sleeping, moves the clock to ``next_timer``."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._turns = 0
        self.next_timer: Callable[[], float | None] = lambda: None

    def select(self, timeout: float | None = None) -> list[Any]:
        # Files never become ready in virtual time (but for the loop's own pipe): ask the machine only now and then.
        self._turns += 1
        if timeout is None or self._turns % LOOK_EVERY == 0:
            ready = super().select(0)
            if ready:
                return ready
        if timeout is not None and timeout <= 0:
            return []
        due = self.next_timer()
        if due is None:
            raise Deadlock("nothing is ready and no timer is set: every task waits for something that cannot come")
        self.now = max(self.now, due)  # exactly: adding up timeouts would drift
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time. ``time()`` begins at 0."""

    is_virtual = True  # for ``runtime.slices``

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._virtual.next_timer = self._next_timer

    def time(self) -> float:
        return self._virtual.now

    def _next_timer(self) -> float | None:
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # a heap, earliest first
        due = scheduled[0].when() if scheduled else None
        if due is not None and due > EXACT:
            self._clock_resolution = 2 * math.ulp(due)
        return due


def run(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` in virtual time. Raises Deadlock when nothing can ever happen again."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
