"""The first application on a real cluster: it becomes available, answers by every address it has, and comes back when
it is hurt."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster
from tests.live.processes import in_container
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

LESSON = Path(__file__).parents[2] / "lessons" / "01-first-deployment"


def fetch(address: str) -> str:
    """What answers at an address, "" when nothing does yet."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=3) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def answers(address: str, words: str = "Welcome to nginx") -> str:
    return eventually(lambda: words in (page := fetch(address)) and page, f"{address} says {words!r}")


def test_the_lesson_runs_as_it_is_printed(shared_cluster: Cluster) -> None:
    kubectl = shared_cluster.kubectl
    environment = {**kubectl.environment, "CONTEXT": kubectl.context}
    try:
        done = subprocess.run(
            ["bash", str(LESSON / "run.sh")], env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("Welcome to nginx") == 2  # ClusterIP and NodePort
        table = kubectl("get", "deploy,pods,svc", "-A")
        assert re.search(r"^default +deployment.apps/nginx-deployment +3/3 +3 +3 ", table, re.M), table
        assert len(re.findall(r"^default +pod/nginx-deployment-\S+ +1/1 +Running +0 ", table, re.M)) == 3, table
        assert re.search(r"^default +service/nginx-service +NodePort +\S+ +<none> +8080:30080/TCP", table, re.M), table
        assert re.search(r"^default +service/kubernetes +ClusterIP +\S+ +<none> +443/TCP", table, re.M), table
    finally:
        kubectl("delete", "-f", str(LESSON), "--ignore-not-found")


def test_a_service_answers_by_address_port_and_name(kubectl: Kubectl) -> None:
    kubectl(
        "apply",
        "-f",
        "-",
        given=[
            manifests.deployment("web", replicas=2),
            manifests.service("web", 8080, type="NodePort"),
            manifests.pod("asker"),
            manifests.pod("host-asker", hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet"),
        ],
    )
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    kubectl("wait", "pod/asker", "pod/host-asker", "--for=condition=Ready", "--timeout=120s")
    cluster_ip, node_port = kubectl.path("{.spec.clusterIP} {.spec.ports[0].nodePort}", "service/web").split()
    node_ip = kubectl.path('{.items[0].status.addresses[?(@.type=="InternalIP")].address}', "nodes")
    for address in (f"{cluster_ip}:8080", f"{node_ip}:{node_port}"):
        answers(address)
    names = ["web", f"web.{kubectl.namespace}", f"web.{kubectl.namespace}.svc.cluster.local"]
    other_pod = kubectl.path("{.items[0].status.podIP}", "pods", "-l", "app=web")
    for place in [f"{cluster_ip}:8080", *(f"{name}:8080" for name in names), other_pod, f"{node_ip}:{node_port}"]:
        inside_answers(kubectl, "asker", place)
    inside_answers(kubectl, "host-asker", "web:8080")


def inside_answers(kubectl: Kubectl, pod: str, place: str) -> None:
    fetch = ("exec", pod, "--", "wget", "-T", "5", "-qO-", f"http://{place}/")
    eventually(lambda: "Welcome to nginx" in kubectl(*fetch), f"{place} answers in {pod}")


def test_dns_answers_pods_over_udp_and_tcp(kubectl: Kubectl) -> None:
    headless = {**manifests.service("named", clusterIP="None"), "metadata": {"name": "headless"}}
    objects = [manifests.pod("named", manifests.nginx()), manifests.service("named"), headless]
    kubectl("apply", "-f", "-", given=objects)
    kubectl("wait", "pod/named", "--for=condition=Ready", "--timeout=120s")
    cluster_ip = kubectl.path("{.spec.clusterIP}", "service/named")
    pod_ip = kubectl.path("{.status.podIP}", "pod/named")
    domain = f"{kubectl.namespace}.svc.cluster.local"

    def lookup(name: str) -> str:
        return kubectl("exec", "named", "--", "nslookup", name)

    eventually(lambda: f"Address: {cluster_ip}" in lookup(f"named.{domain}"), "the Service has its name")
    eventually(lambda: f"Address: {pod_ip}" in lookup(f"headless.{domain}"), "the headless Service has its pod")
    assert "NXDOMAIN" in kubectl.run("exec", "named", "--", "nslookup", f"absent.{domain}").out
    resolver = kubectl("exec", "named", "--", "cat", "/etc/resolv.conf")
    assert f"search {domain} svc.cluster.local cluster.local" in resolver
    # busybox asks by UDP only: a query of our own over TCP (RFC 1035, 4.2.2: two bytes of length before the message)
    question = b"".join(bytes([len(part)]) + part.encode() for part in f"named.{domain}".split(".")) + b"\0\0\1\0\1"
    message = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question
    escaped = "".join(f"\\{byte:03o}" for byte in len(message).to_bytes(2, "big") + message)
    dns_ip = re.search(r"nameserver (\S+)", resolver)
    assert dns_ip
    ask = f"printf '{escaped}' | nc -w 2 {dns_ip[1]} 53 | hexdump -v -e '1/1 \"%u.\"'"
    answer = eventually(lambda: kubectl("exec", "named", "--", "sh", "-c", ask), "an answer over TCP")
    assert cluster_ip in answer and f".{0x12}.{0x34}." in answer, answer


def test_a_deleted_pod_is_replaced(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.deployment("web", replicas=3))
    kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=120s")
    before = set(kubectl("get", "pods", "-o", "name").split())
    victim = sorted(before)[0]
    assert (
        kubectl("delete", victim) == f'pod "{victim.removeprefix("pod/")}" deleted from {kubectl.namespace} namespace\n'
    )

    def replaced() -> bool:
        after = set(kubectl("get", "pods", "-o", "name").split())
        return victim not in after and len(after & before) == 2 and len(after) == 3

    eventually(replaced, "another pod, and the others stay")
    kubectl("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=120s")
    assert replaced()


def test_a_killed_process_is_started_again(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    kubectl("apply", "-f", "-", given=manifests.deployment("web"))
    kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=120s")
    name = kubectl.path("{.items[0].metadata.name}", "pods")
    container = kubectl.path("{.status.containerStatuses[0].containerID}", "pod", name)
    os.kill(in_container(shared_cluster.name, container)[0], signal.SIGKILL)
    eventually(lambda: kubectl.path("{.status.containerStatuses[0].restartCount}", "pod", name) == "1", "a restart")
    kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=120s")
    status = kubectl.json("get", "pod", name)["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert status["containerID"] != container
    assert re.search(rf"^{name} +1/1 +Running +1 \(\w+ ago\) ", kubectl("get", "pods"), re.M)
    kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=120s")
