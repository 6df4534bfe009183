"""What a node says of itself: its Node as it registers, and the Node's status with its conditions. Pure but for facts.

Source: core/v1 NodeStatus; the documentation's "Node Status".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podo.api.kind import Obj
from podo.api.parts.localvolume import DIRECTORY
from podo.node.config import NodeConfig
from podo.node.machine import Capacity, Machine
from podo.node.runtimes.contract import Image, RuntimeInfo
from podo.values import timestamp
from podo.version import GIT_VERSION

NOT_READY_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
Status = dict[str, Any]
#: Condition type -> reason and message when all is well, and the reason when it is not.
PRESSURES = {
    "MemoryPressure": (
        *("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "KubeletHasInsufficientMemory",
    ),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "KubeletHasDiskPressure"),
    "PIDPressure": (
        *("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "KubeletHasInsufficientPID",
    ),
}
#: How many images a status lists at most, and how many names of each.
MOST_IMAGES, MOST_NAMES = 50, 5


def node_of(config: NodeConfig, system: Mapping[str, str]) -> Obj:
    """The Node as it is registered, without its status."""
    architecture = system.get("architecture", "amd64")
    labels = {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": config.name,
        "kubernetes.io/os": "linux",
        **config.labels,
    }
    spec: Obj = {"taints": [NOT_READY_TAINT, *map(dict, config.taints)]}
    if config.pod_cidr:
        spec |= {"podCIDR": config.pod_cidr, "podCIDRs": [config.pod_cidr]}
    annotations = {} if config.simulated else {DIRECTORY: str(config.volumes)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.name, "labels": labels, "annotations": annotations},
        "spec": spec,
    }


def _amounts(capacity: Capacity) -> dict[str, str]:
    cpus = f"{capacity.cpus:g}" if capacity.cpus == int(capacity.cpus) else f"{int(capacity.cpus * 1000)}m"
    return {
        "cpu": cpus,
        "ephemeral-storage": f"{capacity.storage // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{capacity.memory // 1024}Ki",
        "pods": str(capacity.pods),
    }


def status_of(
    config: NodeConfig, machine: Machine, info: RuntimeInfo | None, old: Status, now: float, not_ready: str = ""
) -> Status:
    """The Node's status. ``info`` is None where the runtime does not answer; ``not_ready``: another reason why not."""
    facts = machine.facts()
    runtime = (
        f"{info.name}://{info.version}" if info else (old.get("nodeInfo") or {}).get("containerRuntimeVersion", "")
    )
    return {
        "addresses": [
            {"type": "InternalIP", "address": config.internal_ip},
            {"type": "Hostname", "address": config.name},
        ],
        "allocatable": _amounts(facts.capacity),
        "capacity": _amounts(facts.capacity),
        "conditions": _conditions(facts.pressure, info, old, now, not_ready),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.kubelet_port}},
        "nodeInfo": {
            **facts.system,
            "containerRuntimeVersion": runtime,
            "kubeletVersion": GIT_VERSION,
            "kubeProxyVersion": "",
        },
    }


def _conditions(
    pressure: Mapping[str, str], info: RuntimeInfo | None, old: Status, now: float, not_ready: str
) -> list[Status]:
    before = {condition["type"]: condition for condition in old.get("conditions") or ()}
    conditions = []
    for kind, (reason, message, short) in PRESSURES.items():
        if why := pressure.get(kind):
            conditions.append(_condition(kind, True, short, why, before, now))
        else:
            conditions.append(_condition(kind, False, reason, message, before, now))
    why = not_ready or _not_ready(info)
    ready = ("KubeletNotReady", why) if why else ("KubeletReady", "kubelet is posting ready status")
    conditions.append(_condition("Ready", not why, *ready, before, now))
    return conditions


def _not_ready(info: RuntimeInfo | None) -> str:
    if info is None:
        return "container runtime is down"
    if not info.network_ready:
        detail = info.message or "cni plugin not initialized"
        return f"container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:{detail}"
    return ""


def _condition(kind: str, true: bool, reason: str, message: str, before: Mapping[str, Status], now: float) -> Status:
    status = "True" if true else "False"
    time = timestamp.time(now)
    known = before.get(kind) or {}
    since = known.get("lastTransitionTime") if known.get("status") == status else time
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": time,
        "lastTransitionTime": since or time,
        "reason": reason,
        "message": message,
    }


def images_of(images: Iterable[Image]) -> list[Obj]:
    """``status.images``: the largest first, by which the scheduler favours nodes that have a pod's images."""
    largest = sorted(images, key=lambda image: -image.size)[:MOST_IMAGES]
    return [{"names": _names(image), "sizeBytes": image.size} for image in largest]


def _names(image: Image) -> list[str]:
    """Digests first."""
    return sorted(image.names, key=lambda name: "@" not in name)[:MOST_NAMES]


def is_same(new: Status, old: Status) -> bool:
    """Do they differ in more than the time of the heartbeat?"""

    def without_beat(status: Status) -> Status:
        conditions = [{**c, "lastHeartbeatTime": None} for c in status.get("conditions") or () if c["type"] in known]
        return {**{key: status.get(key) for key in new}, "conditions": conditions}

    known = {condition["type"] for condition in new["conditions"]}
    return without_beat(new) == without_beat(old)
