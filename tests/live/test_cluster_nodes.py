"""Several nodes with real containers on one machine: each in a network of its own, all pods reach each other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from podo.cluster import fabric
from podo.cluster.config import load
from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster, cluster
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

NODES = ("node-1", "node-2", "node-3")


@pytest.fixture(scope="module")
def three_nodes() -> Iterator[Cluster]:
    with cluster("three", "containerd", "--nodes", "3") as made:
        made.load_images("pause", "busybox", "nginx")
        for node in NODES:
            pod = manifests.pod(f"web-{node}", manifests.nginx(), labels={"app": "web"}, nodeName=node)
            made.kubectl("apply", "-f", "-", given=pod)
        made.kubectl("apply", "-f", "-", given=manifests.service("web", type="NodePort"))
        made.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=120s")
        yield made


def column(kubectl: Kubectl, *what: str, path: str) -> list[str]:
    return kubectl("get", *what, "-o", f"jsonpath={{.items[*]{path}}}").split()


def said_inside(kubectl: Kubectl, pod: str, address: str) -> str:
    return kubectl.run("exec", pod, "--", "wget", "-T", "3", "-qO-", f"http://{address}/").out


def test_every_pod_reaches_every_other(three_nodes: Cluster) -> None:
    kubectl = three_nodes.kubectl
    addresses = column(kubectl, "pods", "-l", "app=web", path=".status.podIP")
    assert len({address.rsplit(".", 1)[0] for address in addresses}) == 3  # a network for each node
    for node in NODES:
        for address in addresses:
            eventually(
                lambda node=node, address=address: "Welcome" in said_inside(kubectl, f"web-{node}", address),
                f"{node} reaches {address}",
            )


def test_services_and_names_work_on_every_node(three_nodes: Cluster) -> None:
    kubectl = three_nodes.kubectl
    for node in NODES:
        eventually(lambda node=node: "Welcome" in said_inside(kubectl, f"web-{node}", "web.default"), f"web on {node}")
    port = kubectl("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
    for address in column(kubectl, "nodes", path='.status.addresses[?(@.type=="InternalIP")].address'):
        curl = ["curl", "--silent", "--max-time", "5", f"http://{address}:{port}/"]
        eventually(
            lambda curl=curl: b"Welcome" in subprocess.run(curl, capture_output=True, check=False).stdout, address
        )


def test_every_node_serves_logs_and_exec(three_nodes: Cluster) -> None:
    for node in NODES:
        assert three_nodes.kubectl("exec", f"web-{node}", "--", "hostname") == f"web-{node}\n"
        eventually(lambda node=node: said_inside(three_nodes.kubectl, f"web-{node}", "localhost"), f"web-{node} serves")
        eventually(lambda node=node: "GET / HTTP" in three_nodes.kubectl("logs", f"web-{node}"), f"log of web-{node}")


def test_nothing_of_the_nodes_is_left() -> None:
    def held() -> set[str]:
        commands = (["ip", "-json", "link"], ["ip", "-json", "route"], ["ip", "-json", "netns"])
        found = [subprocess.run(c, capture_output=True, text=True, check=True).stdout or "[]" for c in commands]
        return {str(e.get("ifname") or e.get("dst") or e.get("name")) for text in found for e in json.loads(text)}

    with cluster("two", "containerd", "--nodes", "2") as made:
        config = load(made.data_dir)
        assert config
        own = {
            fabric.bridge(config),
            f"{fabric.bridge(config)}n2",
            fabric.namespace(config, "node-2"),
            config.node_cidr,
        }
        assert own <= held()
        assert made.podo("down").code == 0
        eventually(lambda: not own & held(), "nothing is left of the nodes")
