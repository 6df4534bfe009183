"""What a cluster was asked to be. Written once by ``podo up``, read by every process of the cluster."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from podo.cluster.layout import Layout, write_atomically

NAME_FORM = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")


class ConfigProblem(ValueError):
    """The configuration cannot be used; the message says which setting and why."""


#: Pod networks of simulated clusters, by what they can hold: nodes get a /24 each.
FEW_NODES, FEW_NODES_CIDR = 256, "10.244.0.0/16"
MANY_NODES, MANY_NODES_CIDR = 16_384, "100.64.0.0/10"


def simulated_pod_cidr(nodes: int) -> str:
    """A network from which each of so many simulated nodes gets its part."""
    return FEW_NODES_CIDR if nodes <= FEW_NODES else MANY_NODES_CIDR


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one cluster. Everything else is derived from them."""

    name: str
    data_dir: str
    nodes: int = 1
    runtime: str = "simulated"  # "containerd" or "simulated"
    store: str = "sqlite"  # "sqlite" or "memory"
    port: int = 6443
    kubelet_port: int = 10250  # of the first node; the others follow
    node_ip: str = "127.0.0.1"
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    node_cidr: str = "10.243.0.0/24"  # of the nodes beside the first, where the containers are real
    cluster_domain: str = "cluster.local"
    registry_mirror: str = ""  # http(s)://HOST[:PORT] asked for every image before its own registry
    registry_fallback: bool = True  # what the mirror lacks is asked of that registry
    pod_manifest_path: str = ""  # of every node; where it is empty, each node has a directory of its own
    machine_name: str = ""  # what the machine has of the cluster is named after it; empty: after the cluster

    def __post_init__(self) -> None:
        if not NAME_FORM.fullmatch(self.name):
            raise ConfigProblem(f"name {self.name!r}: lower-case letters, digits and '-', 30 at most")
        if not 1 <= self.nodes <= self.most_nodes:
            raise ConfigProblem(f"nodes {self.nodes}: 1 to {self.most_nodes}")
        if not 1 <= self.port <= 65535:
            raise ConfigProblem(f"port {self.port}: 1 to 65535")

    @property
    def layout(self) -> Layout:
        return Layout(Path(self.data_dir))

    @property
    def context(self) -> str:
        """The name of the kubeconfig context."""
        return f"podo-{self.name}"

    @property
    def own_name(self) -> str:
        """The name that this cluster's cgroups, network namespaces and nftables tables have, and no other cluster's."""
        return self.machine_name or self.name

    @property
    def server_url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def node_server_url(self) -> str:
        """The API server as every node of this machine reaches it."""
        return f"https://{self.node_ip}:{self.port}"

    @property
    def kubernetes_ip(self) -> str:
        """ClusterIP of the ``kubernetes`` Service: the first of the range."""
        return str(ipaddress.ip_network(self.service_cidr)[1])

    @property
    def dns_ip(self) -> str:
        """ClusterIP of ``kube-dns``: the tenth of the range."""
        return str(ipaddress.ip_network(self.service_cidr)[10])

    @property
    def node_names(self) -> list[str]:
        return [f"node-{number}" for number in range(1, self.nodes + 1)]

    @property
    def most_nodes(self) -> int:
        """How many nodes can be: simulated ones need no address of their own."""
        return MANY_NODES if self.runtime == "simulated" else ipaddress.ip_network(self.node_cidr).num_addresses - 3

    def node_number(self, name: str) -> int:
        """1 for ``node-1``."""
        return int(name.removeprefix("node-"))

    def node_address(self, name: str) -> str:
        """The node's InternalIP: the first node is the machine itself."""
        number = self.node_number(name)
        return self.node_ip if number == 1 else str(ipaddress.ip_network(self.node_cidr)[number])

    def manifests(self, node: str) -> Path:
        """The directory of the manifests of a node's static pods."""
        return Path(self.pod_manifest_path) if self.pod_manifest_path else self.layout.node(node) / "manifests"

    def save(self) -> None:
        write_atomically(self.layout.config, json.dumps(asdict(self), indent=2).encode() + b"\n")


def load(data_dir: Path) -> Config | None:
    """The cluster's configuration, or None where there is no cluster."""
    path = Layout(data_dir).config
    try:
        settings = json.loads(path.read_bytes())
        return replace(Config(**settings), data_dir=str(data_dir))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as failure:
        raise ConfigProblem(f"{path} is damaged: {failure}") from failure
