"""Cluster IPs of a further ServiceCIDR, with real networks: they answer where those of the first do."""

from __future__ import annotations

import errno
import ipaddress
import socket
import urllib.request

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


def page(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=3) as answer:
            return answer.status == 200
    except OSError:
        return False


def refusal(address: str) -> int:
    with socket.socket() as client:
        client.settimeout(3)
        return client.connect_ex((address, 80))


def test_a_service_of_a_further_range_answers(kubectl: Kubectl) -> None:
    first = ipaddress.ip_network(kubectl.path("{.spec.cidrs[0]}", "servicecidr", "kubernetes"))
    further = ipaddress.ip_network((int(first.network_address) + (12 << 16) + (7 << 8), 28))  # of this cluster only
    address, unused = str(further[5]), str(further[6])
    assert refusal(unused) != errno.ECONNREFUSED
    cidr = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "further"},
        "spec": {"cidrs": [str(further)]},
    }
    kubectl("apply", "-f", "-", given=cidr)
    kubectl("wait", "servicecidr/further", "--for=condition=Ready", "--timeout=120s")
    web = manifests.pod("web", manifests.nginx(), labels={"app": "web"})
    client = manifests.pod("client", manifests.shell())
    kubectl("apply", "-f", "-", given=[web, client, manifests.service("web", clusterIP=address)])
    kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=120s")
    eventually(lambda: page(address), "an answer to this machine")
    for place in (address, "web"):
        fetch = ("exec", "client", "--", "wget", "-T", "5", "-q", "-O", "-", f"http://{place}/")
        eventually(lambda fetch=fetch: kubectl(*fetch), f"an answer to a pod at {place}")  # type: ignore[misc]
    whole = f"web.{kubectl.namespace}.svc.cluster.local"
    eventually(lambda: whole in kubectl("exec", "client", "--", "nslookup", address), "its name by its address")
    eventually(lambda: refusal(unused) == errno.ECONNREFUSED, "a refusal at an address that no Service has")
    eventually(lambda: f"services/{kubectl.namespace}/web" in kubectl("get", "ipaddresses", address), "whose it is")
    kubectl("delete", "servicecidr", "further", "--wait=false")
    eventually(
        lambda: "still IPAddresses referencing" in kubectl("get", "servicecidr", "further", "-o", "yaml"), "its hold"
    )
    kubectl("delete", "service", "web")
    kubectl("wait", "servicecidr/further", "--for=delete", "--timeout=120s")
