"""Exec probes: a command in the container; exit code 0 is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podo.api.kind import Obj
from podo.node.environment import expand
from podo.node.machine import ProbeResult
from podo.node.runtimes.contract import Runtime, RuntimeFailure

LONGEST_OUTPUT = 10 * 1024


async def probe(runtime: Runtime, container_id: str, argv: Sequence[str], timeout_seconds: float) -> ProbeResult:
    try:
        result = await runtime.exec(container_id, argv, timeout_seconds)
    except RuntimeFailure as failure:
        if failure.kind == "deadline":
            return ProbeResult(False, timed_out(argv, timeout_seconds))
        return ProbeResult(False, str(failure), unknown=True)
    return ProbeResult(result.exit_code == 0, result.output[:LONGEST_OUTPUT].decode("utf-8", "replace"))


def timed_out(argv: Sequence[str], timeout_seconds: float) -> str:
    return f'command timed out: "{" ".join(argv)}" timed out after {timeout_seconds:g}s'


def command_of(spec: Obj, action: Obj) -> list[str]:
    """A probe's command; it knows of the container's variables what the manifest says, not where others come from."""
    values: Mapping[str, str] = {each["name"]: each.get("value") or "" for each in spec.get("env") or ()}
    return [expand(part, values) for part in action.get("command") or ()]
