"""Waiting for what comes by news: looked at whenever something has changed, for so long at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bench.figure import Void


async def until(reached: Callable[[], bool], changed: asyncio.Event, seconds: float, state: Callable[[], str]) -> None:
    """Void, with what ``state`` says, after ``seconds``. Whoever changes what ``reached`` looks at sets ``changed``."""
    deadline = time.monotonic() + seconds
    while not reached():
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), deadline - time.monotonic())
        except TimeoutError:
            raise Void(f"{state()} after {seconds:.0f} s") from None
