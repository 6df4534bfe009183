"""Which pods a node refuses although they are bound to it: what the node lacks, or its labels and taints forbid. Pure.

Reasons and messages are the kubelet's: OutOfpods, OutOfcpu, OutOfmemory, OutOfephemeral-storage, NodeAffinity,
NodePorts, TaintToleration, PodOSNotSupported, SysctlForbidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of
from podo.api.parts.hostports import conflicts, host_ports
from podo.api.parts.nodeselector import allows
from podo.api.parts.tolerations import tolerates
from podo.node.machine import Capacity

#: What a node counts, in the order it is looked at. cpu is in thousandths.
COUNTED = ("cpu", "memory", "ephemeral-storage")
#: Settings of a pod's own namespaces that a pod may have without the node's leave ("Using sysctls in a Kubernetes
#: Cluster" of the documentation).
SAFE_SYSCTLS = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies"),
        *("net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"),
        *("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    }
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """``reason`` of the pod's status and of the Event; ``message`` of the Event."""

    reason: str
    message: str


def amounts_of(capacity: Capacity) -> dict[str, int]:
    return {"cpu": int(capacity.cpus * 1000), "memory": capacity.memory, "ephemeral-storage": capacity.storage}


def lacks(requests: Mapping[str, int], others: Iterable[Mapping[str, int]], capacity: Capacity) -> Rejection | None:
    """Is there room for ``requests`` beside what the ``others`` on the node have asked for?"""
    taken = list(others)
    if len(taken) + 1 > capacity.pods:
        return _out_of("pods", 1, len(taken), capacity.pods)
    room = amounts_of(capacity)
    for name in COUNTED:
        if wanted := requests.get(name, 0):
            used = sum(each.get(name, 0) for each in taken)
            if used + wanted > room[name]:
                return _out_of(name, wanted, used, room[name])
    return None


def _out_of(name: str, wanted: int, used: int, room: int) -> Rejection:
    text = f"Node didn't have enough resource: {name}, requested: {wanted}, used: {used}, capacity: {room}"
    return Rejection(f"OutOf{name}", text)


def forbids(pod: Obj, node: Obj) -> Rejection | None:
    """Do the node's labels or its NoExecute taints keep the pod away? (Other taints are the scheduler's matter.)"""
    spec = pod["spec"]
    if (spec.get("os") or {}).get("name", "linux") != "linux":
        return Rejection("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    if not allows(spec.get("nodeSelector") or {}, affinity, labels_of(node), name_of(node)):
        return _failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    for taint in (node.get("spec") or {}).get("taints") or ():
        if taint["effect"] == "NoExecute" and not any(tolerates(one, taint) for one in spec.get("tolerations") or ()):
            return _failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return _forbids_sysctls(spec)


def _forbids_sysctls(spec: Obj) -> Rejection | None:
    """Settings of the kernel that could harm other pods, or are the machine's where its namespaces are shared."""
    for setting in (spec.get("securityContext") or {}).get("sysctls") or ():
        name = setting["name"].replace("/", ".")
        why = ""
        if name not in SAFE_SYSCTLS:
            why = "not allowlisted"
        elif spec.get("hostNetwork") and name.startswith("net."):
            why = "not allowed with host net enabled"
        elif spec.get("hostIPC") and name.startswith("kernel.shm"):
            why = "not allowed with host ipc enabled"
        if why:
            return Rejection("SysctlForbidden", f'forbidden sysctl: "{name}" {why}')
    return None


def contends(pod: Obj, others: Iterable[Obj]) -> Rejection | None:
    """Does it want a port of the node that one of the ``others`` here has?"""
    if not (wanted := host_ports(pod["spec"])):
        return None
    taken = [port for other in others for port in host_ports(other["spec"])]
    if any(conflicts(port, other) for port in wanted for other in taken):
        return _failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    return None


def _failed(predicate: str, why: str) -> Rejection:
    return Rejection(predicate, f"Predicate {predicate} failed: {why}")
