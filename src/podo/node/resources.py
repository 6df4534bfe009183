"""Requests and limits as the kernel takes them: CPU shares and quota, memory limit, OOM score; and a pod's QoS class.
Pure.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.parts import resources
from podo.api.parts.container import is_sidecar
from podo.node import podspec
from podo.node.runtimes.contract import Resources
from podo.values import quantity

PERIOD_MICROSECONDS = 100_000
LEAST_QUOTA_MICROSECONDS = 1_000
LEAST_SHARES = 2
SHARES_A_CPU = 1024


def millis(amounts: Obj | None, name: str) -> int:
    text = (amounts or {}).get(name)
    return quantity.cpu_millis(str(text)) if text is not None else 0


def units(amounts: Obj | None, name: str) -> int:
    text = (amounts or {}).get(name)
    return quantity.as_int(str(text)) if text is not None else 0


def shares_of(cpu_millis: int) -> int:
    """cgroup v1 CPU shares: 1024 a CPU, 2 at least."""
    return max(LEAST_SHARES, cpu_millis * SHARES_A_CPU // 1000)


def quota_of(cpu_millis: int) -> int:
    """CFS quota in µs a period; 0 for no limit."""
    if not cpu_millis:
        return 0
    return max(LEAST_QUOTA_MICROSECONDS, cpu_millis * PERIOD_MICROSECONDS // 1000)


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort: what the API has decided, else by the spec."""
    return str((pod.get("status") or {}).get("qosClass") or resources.qos_class(pod))


def oom_score(pod: Obj, container: Obj, node_memory: int) -> int:
    """How soon the kernel takes it when memory runs out ("Node-pressure Eviction: Node out of memory behavior")."""
    quality = qos_class(pod)
    if quality == "Guaranteed":
        return -997
    if quality == "BestEffort":
        return 1000
    requested = units((container.get("resources") or {}).get("requests"), "memory")
    return min(max(2, 1000 - 1000 * requested // max(node_memory, 1)), 999)


def resources_of(pod: Obj, container: Obj, node_memory: int) -> Resources:
    asked = container.get("resources") or {}
    limits = asked.get("limits") or {}
    requests = asked.get("requests") or {}
    limit = millis(limits, "cpu")
    return Resources(
        cpu_period=PERIOD_MICROSECONDS,
        cpu_quota=quota_of(limit),
        cpu_shares=shares_of(millis(requests, "cpu") if "cpu" in requests else limit),
        memory_limit=units(limits, "memory"),
        oom_score_adj=oom_score(pod, container, node_memory),
    )


def pod_limits(pod: Obj) -> tuple[int, int, int]:
    """For the pod's own cgroup: CPU shares, CPU quota (0: none), memory limit (0: none). A limit holds only if all
    have one.
    """
    main = podspec.containers(pod) + podspec.sidecars(pod)
    limits = [(container.get("resources") or {}).get("limits") or {} for container in main]
    requests = [
        (container.get("resources") or {}).get("requests") or limit
        for container, limit in zip(main, limits, strict=True)
    ]
    plain = [c.get("resources") or {} for c in podspec.init_containers(pod) if not is_sidecar(c)]
    cpu = sum(millis(limit, "cpu") for limit in limits) if all("cpu" in limit for limit in limits) else 0
    memory = sum(units(limit, "memory") for limit in limits) if all("memory" in limit for limit in limits) else 0
    if cpu:
        cpu = max([cpu, *(millis(r.get("limits"), "cpu") for r in plain)])
    if memory:
        memory = max([memory, *(units(r.get("limits"), "memory") for r in plain)])
    if any("memory" not in (r.get("limits") or {}) for r in plain):
        memory = 0
    if any("cpu" not in (r.get("limits") or {}) for r in plain):
        cpu = 0
    return shares_of(sum(millis(request, "cpu") for request in requests)), quota_of(cpu), memory
