"""Exec probes: a command in the container; exit code 0 is well."""

from __future__ import annotations

from collections.abc import Sequence

from podo.node.machine import ProbeResult
from podo.node.runtimes.contract import Runtime, RuntimeFailure

LONGEST_OUTPUT = 10 * 1024


async def probe(runtime: Runtime, container_id: str, argv: Sequence[str], timeout_seconds: float) -> ProbeResult:
    try:
        result = await runtime.exec(container_id, argv, timeout_seconds)
    except RuntimeFailure as failure:
        if failure.kind == "deadline":
            return ProbeResult(False, f'command timed out: "{" ".join(argv)}" timed out after {timeout_seconds:g}s')
        return ProbeResult(False, failure.message)
    return ProbeResult(result.exit_code == 0, result.output[:LONGEST_OUTPUT].decode("utf-8", "replace"))
