"""TCP probes: a connection that opens is enough."""

from __future__ import annotations

import asyncio

from podo.node.machine import ProbeResult
from podo.node.probes.ports import joined
from podo.runtime.tasks import within


def why_not(failure: OSError, host: str, port: int) -> str:
    """A failed connection in the words people know: ``dial tcp 10.244.0.2:80: connect: connection refused``."""
    what = (failure.strerror or str(failure)).lower()
    if isinstance(failure, ConnectionRefusedError):
        what = "connection refused"
    return f"dial tcp {joined(host, port)}: connect: {what}"


async def probe(host: str, port: int, timeout_seconds: float) -> ProbeResult:
    try:
        _, writer = await within(timeout_seconds, asyncio.open_connection(host, port))
    except TimeoutError:
        return ProbeResult(False, f"dial tcp {joined(host, port)}: i/o timeout")
    except OSError as failure:
        return ProbeResult(False, why_not(failure, host, port))
    writer.close()
    return ProbeResult(True)
