"""Running a program of the machine (``ip``, ``conntrack``, ``ctr``) to its end; at a deadline it is killed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

from podo.runtime.tasks import within

#: How long one that was killed may take to end: only one that hangs in the kernel takes any time.
_REAP_SECONDS = 1.0


class Ended(NamedTuple):
    """``code``: its exit status, negative for a signal. ``output`` and ``errors``: what it wrote to either."""

    code: int
    output: str
    errors: str


async def run_program(seconds: float, *argv: str, heard: bool = True) -> Ended:
    """Raises OSError where it cannot be started, TimeoutError where it has not ended after ``seconds``. It does not
    outlive the call, whichever way that ends. ``heard`` False: nobody wants to know what it writes."""
    where = asyncio.subprocess.PIPE if heard else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.DEVNULL, stdout=where, stderr=where)
    try:
        output, errors = await within(seconds, process.communicate())
    finally:
        if process.returncode is None:
            process.kill()
            with contextlib.suppress(TimeoutError):
                await within(_REAP_SECONDS, process.wait())
    return Ended(process.returncode or 0, _text(output), _text(errors))


def _text(written: bytes | None) -> str:
    return (written or b"").decode(errors="replace")
