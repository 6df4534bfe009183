"""What a node is told when it starts: its name, addresses, directories and the few settings of a kubelet that podo
has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Settings of one node. Times are seconds, sizes bytes."""

    name: str
    internal_ip: str
    data_dir: Path = Path("/var/lib/podo/node")
    cgroup: str = "kubepods"  # the group above all pods; no two nodes of a machine may share one
    pod_cidr: str = ""  # where empty, the Node's spec.podCIDR is waited for
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"
    kubelet_port: int = 10250
    simulated: bool = False
    max_pods: int = 110
    cpus: float = 0.0  # 0: what the machine has
    memory: int = 0  # 0: what the machine has
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    resolv_conf: Path = Path("/etc/resolv.conf")
    relist_seconds: float = 5.0
    lease_seconds: float = 10.0
    status_seconds: float = 10.0  # how often a change of the node's status is looked for
    status_report_seconds: float = 300.0  # how often it is written though nothing changed
    #: A status that says only "being created", or "ending", waits so long for a better one: one write instead of two
    #: for a quick pod.
    settle_seconds: float = 0.02
    #: In virtual time: for how long heartbeats are written in advance. Whoever ends the node takes back what it had not
    #: come to (``NodeAgent.last_beat``); in between ten thousand heartbeats need not happen one by one.
    ahead_seconds: float = 0.0
    sources_seconds: float = 60.0  # how often ConfigMaps and Secrets in volumes are read again
    eviction_seconds: float = 10.0  # how often the pods' use of local storage is looked at
    manifests: Path | None = None  # the directory of static pods' manifests, which the agent follows itself
    normal_events: bool = True  # False: only warnings are recorded (large simulated clusters)

    @property
    def volumes(self) -> Path:
        """Where persistent volumes on the node's disk are, each below its name."""
        return self.data_dir / "volumes"
