"""Lifecycle hooks: postStart and preStop, each an exec, an HTTP GET or a sleep; and what one that failed says."""

from __future__ import annotations

import json
from collections.abc import Sequence

from podo.api.kind import Obj
from podo.node import podspec
from podo.node.environment import ConfigProblem
from podo.node.machine import ProbeResult, Target
from podo.node.probes import exec, http
from podo.node.runtimes.contract import Runtime, RuntimeFailure
from podo.runtime.tasks import sleep, within
from podo.version import KUBERNETES_MAJOR, KUBERNETES_MINOR

AGENT = f"kube-lifecycle/{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}"


async def run_hook(runtime: Runtime, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
    """Run a hook. An HTTP hook is well when any answer came."""
    if action := hook.get("exec"):
        return await _exec(runtime, target, action.get("command") or (), timeout_seconds)
    if action := hook.get("httpGet"):
        return await _get(target, action, timeout_seconds)
    if action := hook.get("sleep"):
        await sleep(min(float(action.get("seconds") or 0), timeout_seconds))
    return ProbeResult(True)


async def _exec(runtime: Runtime, target: Target, argv: Sequence[str], timeout_seconds: float) -> ProbeResult:
    said = b""
    try:
        result = await runtime.exec(target.container.id, argv, timeout_seconds)
        if result.exit_code == 0:
            return ProbeResult(True)
        said = result.output[: exec.LONGEST_OUTPUT]
        why = f"command '{' '.join(argv)}' exited with {result.exit_code}: {result.stderr.decode('utf-8', 'replace')}"
    except RuntimeFailure as failure:
        why = exec.timed_out(argv, timeout_seconds) if failure.kind == "deadline" else str(failure)
    quoted = json.dumps(said.decode("utf-8", "replace"), ensure_ascii=False)
    return ProbeResult(False, _failed("Exec", f"[{' '.join(argv)}]", target) + f"{why}, message: {quoted}")


async def _get(target: Target, action: Obj, timeout_seconds: float) -> ProbeResult:
    try:
        await within(timeout_seconds, http.answer_to(http.get_of(target, action, AGENT)))
        return ProbeResult(True)
    except TimeoutError:
        why = f"timed out after {timeout_seconds:g}s"
    except (ConfigProblem, OSError, http.BadAnswer, ValueError) as failure:
        why = str(failure)
    return ProbeResult(False, _failed("HTTP", str(action.get("path") or ""), target) + why)


def _failed(kind: str, what: str, target: Target) -> str:
    pod = podspec.full_name(target.pod)
    return f'{kind} lifecycle hook ({what}) for Container "{target.spec["name"]}" in Pod "{pod}" failed - error: '
