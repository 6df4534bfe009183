"""NetworkPolicies on a real cluster, with the real kubectl: who reaches whom, by label, port, namespace and address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

HTTPD = "echo Welcome > /tmp/index.html; httpd -p 8080 -h /tmp; exec httpd -f -p 80 -h /tmp"


def policy(name: str, app: str | None = None, **spec: Any) -> manifests.Obj:
    selector = {"matchLabels": {"app": app}} if app else {}
    made = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}}
    return {**made, "spec": {"podSelector": selector, **spec}}


def allow(*peers: Any, port: int | str | None = None) -> list[manifests.Obj]:
    return [{"from": list(peers), **({"ports": [{"port": port}]} if port else {})}]


class Traffic:
    """Three pods: web serves, friend and stranger ask."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        ports = [{"containerPort": 80}, {"name": "admin", "containerPort": 8080}]
        web = manifests.pod("web", manifests.shell(HTTPD, ports=ports))
        askers = [manifests.pod(name) for name in ("friend", "stranger")]
        kubectl("apply", "-f", "-", given=[web, *askers, manifests.service("web")])
        kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        self.address = kubectl.path("{.status.podIP}", "pod", "web")

    def apply(self, *policies: manifests.Obj) -> None:
        self.kubectl("apply", "-f", "-", given=list(policies))

    def reaches(self, pod: str, port: int = 80, address: str = "") -> bool:
        url = f"http://{address or self.address}:{port}/"
        return "Welcome" in self.kubectl.run("exec", pod, "--", "wget", "-T", "1", "-qO-", url).out

    def eventually(self, pod: str, port: int = 80, address: str = "", *, open: bool) -> None:
        said = f"{pod} {'reaches' if open else 'does not reach'} {address or 'web'}:{port}"
        eventually(lambda: self.reaches(pod, port, address) is open, said)


@pytest.fixture
def traffic(kubectl: Kubectl) -> Traffic:
    found = Traffic(kubectl)
    for pod in ("friend", "stranger"):
        found.eventually(pod, open=True)
    return found


def test_default_deny_then_allow_by_label_and_port(traffic: Traffic) -> None:
    traffic.apply(policy("deny"))
    for pod in ("friend", "stranger"):
        traffic.eventually(pod, open=False)
    friend = {"podSelector": {"matchLabels": {"app": "friend"}}}
    traffic.apply(policy("allow", "web", ingress=allow(friend, port="admin")))
    traffic.eventually("friend", 8080, open=True)
    traffic.eventually("friend", 80, open=False)
    traffic.eventually("stranger", 8080, open=False)
    traffic.kubectl("delete", "networkpolicy", "--all")
    traffic.eventually("stranger", open=True)


def test_by_namespace(traffic: Traffic) -> None:
    kubectl = traffic.kubectl
    own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}}
    traffic.apply(policy("none", "web", ingress=allow({"namespaceSelector": {"matchLabels": {"team": "x"}}}, port=80)))
    traffic.eventually("friend", open=False)
    kubectl("label", "namespace", kubectl.namespace, "team=x")
    traffic.eventually("friend", open=True)
    kubectl("label", "namespace", kubectl.namespace, "team-")
    traffic.eventually("friend", open=False)
    traffic.apply(policy("own", "web", ingress=allow(own)))
    traffic.eventually("friend", 8080, open=True)


def test_egress_closes_names_until_dns_is_allowed(traffic: Traffic) -> None:
    to_web = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]}
    traffic.apply(policy("out", "friend", policyTypes=["Egress"], egress=[to_web]))
    traffic.eventually("friend", 8080, open=False)
    traffic.eventually("friend", 80, open=True)
    traffic.eventually("stranger", 8080, open=True)
    traffic.eventually("friend", address="web", open=False)
    dns = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    names = {"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}]}
    traffic.apply(policy("names", "friend", policyTypes=["Egress"], egress=[names]))
    traffic.eventually("friend", address="web", open=True)


def test_blocks_of_addresses(traffic: Traffic) -> None:
    stranger = traffic.kubectl.path("{.status.podIP}", "pod", "stranger")
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{stranger}/32"]}}
    traffic.apply(policy("block", "web", ingress=allow(block)))
    traffic.eventually("stranger", open=False)
    traffic.eventually("friend", open=True)


def test_kubectl_shows_policies(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=policy("p", "web", ingress=allow({"podSelector": {}}, port=80)))
    assert "app=web" in kubectl("get", "netpol")
    described = kubectl("describe", "networkpolicy", "p")
    assert "PodSelector:     app=web" in described and "To Port: 80/TCP" in described
    assert "policyTypes" in kubectl("explain", "networkpolicy.spec")
    wrong = policy("wrong", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}])
    assert "must be a strict subset of `cidr`" in kubectl.fails("apply", "-f", "-", given=wrong)
