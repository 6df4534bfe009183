"""The event loop: uvloop where there is one, asyncio's own with smaller TLS buffers elsewhere."""

from __future__ import annotations

import asyncio
import asyncio.sslproto
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, uvloop: bool = True) -> T:
    """Run ``main`` to its end in a new event loop, as ``asyncio.run``."""
    with asyncio.Runner(loop_factory=_factory(uvloop)) as runner:
        return runner.run(main)


def _factory(wanted: bool) -> Callable[[], asyncio.AbstractEventLoop]:
    if wanted:
        try:
            import uvloop

            return uvloop.new_event_loop
        except ImportError:
            pass
    # asyncio gives each TLS connection a 256 KiB buffer: 2,000 watchers would be 500 MB.
    asyncio.sslproto.SSLProtocol.max_size = 16 * 1024
    return asyncio.new_event_loop
