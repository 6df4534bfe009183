"""For tests of what works for long: have others their turn meanwhile?"""

from __future__ import annotations

import asyncio
from typing import Any


async def turns_until(work: asyncio.Future[Any]) -> int:
    """How often the event loop came round between two slices of ``work``, in which nothing else is waited for."""
    turns = 0
    while not work.done():
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0)
        turns += asyncio.get_running_loop().time() - began > 0.001
    return turns
