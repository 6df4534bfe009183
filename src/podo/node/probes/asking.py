"""From a probe of the pod's spec to the way of asking that it names."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.node.environment import ConfigProblem
from podo.node.machine import ProbeResult, Target
from podo.node.probes import exec, grpc, http, tcp
from podo.node.probes.ports import address_of
from podo.node.runtimes.contract import Runtime


async def ask(runtime: Runtime, target: Target, probe: Obj) -> ProbeResult:
    """Run a probe once, within its timeoutSeconds."""
    timeout = float(probe.get("timeoutSeconds") or 1)
    try:
        if action := probe.get("exec"):
            return await exec.probe(runtime, target.container.id, exec.command_of(target.spec, action), timeout)
        if action := probe.get("httpGet"):
            return await http.probe(http.get_of(target, action, http.AGENT), timeout)
        if action := probe.get("tcpSocket"):
            return await tcp.probe(*address_of(target, action.get("host") or "", action["port"]), timeout)
        if action := probe.get("grpc"):
            return await grpc.probe(target.ip, int(action["port"]), action.get("service") or "", timeout)
    except ConfigProblem as problem:
        return ProbeResult(False, str(problem), unknown=True)
    return ProbeResult(False, "missing probe handler", unknown=True)
