"""From a probe or a hook of the pod's spec to the way of asking that it names."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.node.environment import ConfigProblem
from podo.node.machine import ProbeResult, Target
from podo.node.probes import exec, grpc, http, tcp
from podo.node.probes.ports import address_of
from podo.node.runtimes.contract import Runtime
from podo.runtime.tasks import sleep, within


async def ask(runtime: Runtime, target: Target, probe: Obj) -> ProbeResult:
    """Run a probe once, within its timeoutSeconds."""
    timeout = float(probe.get("timeoutSeconds") or 1)
    try:
        if action := probe.get("exec"):
            return await exec.probe(runtime, target.container.id, action.get("command") or (), timeout)
        if action := probe.get("httpGet"):
            return await http.probe(_get(target, action), timeout)
        if action := probe.get("tcpSocket"):
            return await tcp.probe(*address_of(target, action.get("host") or "", action["port"]), timeout)
        if action := probe.get("grpc"):
            return await grpc.probe(target.ip, int(action["port"]), action.get("service") or "", timeout)
    except ConfigProblem as problem:
        return ProbeResult(False, str(problem))
    return ProbeResult(False, "missing probe handler")


def _get(target: Target, action: Obj) -> http.Get:
    host, port = address_of(target, action.get("host") or "", action["port"])
    path = str(action.get("path") or "/")
    headers = [(header["name"], str(header.get("value", ""))) for header in action.get("httpHeaders") or ()]
    return http.Get(host, port, path if path.startswith("/") else "/" + path, action.get("scheme") == "HTTPS", headers)


async def run_hook(runtime: Runtime, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
    """Run a lifecycle hook. An HTTP hook is well when any answer came."""
    try:
        if action := hook.get("exec"):
            result = await exec.probe(runtime, target.container.id, action.get("command") or (), timeout_seconds)
            return result if result.passed else ProbeResult(False, f"command failed: {result.output}")
        if action := hook.get("httpGet"):
            await within(timeout_seconds, http.status_of(_get(target, action)))
        if action := hook.get("sleep"):
            await sleep(min(float(action.get("seconds") or 0), timeout_seconds))
        return ProbeResult(True)
    except TimeoutError:
        return ProbeResult(False, f"timed out after {timeout_seconds:g}s")
    except (ConfigProblem, OSError, http.BadAnswer, ValueError) as failure:
        return ProbeResult(False, str(failure))
