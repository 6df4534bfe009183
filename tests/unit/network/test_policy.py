"""NetworkPolicies as rules: who is isolated, what their chains say, and which addresses are peers."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.api.registry import named
from podo.network.policy.pods import facts_of
from podo.network.policy.rules import Enforced, compile_policies
from podo.network.policy.table import full_text

DNS_IP = "10.96.0.10"
SPACES = {
    "default": {"team": "a"},
    "other": {"team": "b"},
    "kube-system": {"kubernetes.io/metadata.name": "kube-system"},
}
WEB, API, DB, FAR, OTHER = "10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.1.2", "10.244.0.9"


def pod(ip: str, app: str, namespace: str = "default", node: str = "n1", **more: Any) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8080 if app == "web" else 9090}]
    return {
        "metadata": {"name": app, "namespace": namespace, "labels": {"app": app}},
        "spec": {"nodeName": node, "containers": [{"name": "c", "ports": ports}], **more.pop("spec", {})},
        "status": {"podIP": ip, "phase": "Running", **more},
    }


PODS = [
    pod(WEB, "web"),
    pod(API, "api"),
    pod(DB, "db"),
    pod(FAR, "web", node="n2"),
    pod(OTHER, "api", "other"),
]


def policy(app: str | None = None, name: str = "p", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": app}} if app else {}
    made = {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": selector, **spec}}
    named("NetworkPolicy").fill_in(made)
    return made


def compiled(*policies: dict[str, Any], pods: list[dict[str, Any]] | None = None) -> Enforced:
    facts = [found for one in pods or PODS if (found := facts_of(one)) is not None]
    return compile_policies(policies, facts, SPACES, "n1", DNS_IP)


def labels(app: str) -> dict[str, Any]:
    return {"matchLabels": {"app": app}}


def inbound(*policies: dict[str, Any], ip: str = WEB) -> tuple[str, ...]:
    """The chain of a pod, with the addresses of each set written out."""
    return _chain(compiled(*policies), "ingress", ip)


def outbound(*policies: dict[str, Any], ip: str = WEB) -> tuple[str, ...]:
    return _chain(compiled(*policies), "egress", ip)


def _chain(made: Enforced, direction: str, ip: str) -> tuple[str, ...]:
    chain = made.chains[getattr(made, direction)[ip]]
    for name, addresses in made.sets.items():
        chain = tuple(line.replace(f"@{name} ", f"{{{','.join(addresses)}}} ") for line in chain)
    return chain


def test_without_policies_there_is_no_table() -> None:
    assert compiled() == Enforced()
    assert full_text("podo.policies", compiled()) == "table ip podo.policies\ndelete table ip podo.policies\n"


def test_default_deny_isolates_the_local_pods_of_its_namespace() -> None:
    made = compiled(policy())
    assert set(made.ingress) == {WEB, API, DB}
    assert made.egress == {}
    assert len(set(made.ingress.values())) == 1, "one chain for all"
    assert inbound(policy()) == ("drop",)


def test_policy_types_say_which_directions_are_isolated() -> None:
    assert compiled(policy(policyTypes=["Egress"])).ingress == {}
    both = compiled(policy(egress=[{}]))
    assert set(both.ingress) == set(both.egress) == {WEB, API, DB}
    assert outbound(policy(egress=[{}])) == ("return", "drop")
    bare = policy()
    del bare["spec"]["policyTypes"]
    assert compiled(bare).ingress


def test_peers_by_labels_of_pods_and_namespaces() -> None:
    rule = [{"from": [{"podSelector": labels("api")}]}]
    assert inbound(policy("web", ingress=rule)) == (f"ip saddr {{{API}}} return", "drop")
    rule = [{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}]
    assert inbound(policy("web", ingress=rule)) == (f"ip saddr {{{OTHER}}} return", "drop")
    rule = [{"from": [{"namespaceSelector": {}, "podSelector": labels("api")}]}]
    assert inbound(policy("web", ingress=rule)) == (f"ip saddr {{{API},{OTHER}}} return", "drop")
    rule = [{"from": [{"podSelector": labels("nobody")}]}]
    assert inbound(policy("web", ingress=rule)) == ("drop",)


def test_ports_by_number_range_name_and_protocol() -> None:
    def allowed(*ports: dict[str, Any], ip: str = WEB) -> tuple[str, ...]:
        return inbound(policy(ingress=[{"ports": list(ports)}]), ip=ip)

    assert allowed({"port": 80}) == ("tcp dport 80 return", "drop")
    assert allowed({"port": 80, "endPort": 90, "protocol": "UDP"}) == ("udp dport 80-90 return", "drop")
    assert allowed({"protocol": "UDP"}) == ("meta l4proto udp return", "drop")
    assert allowed({"port": "http"}) == ("tcp dport 8080 return", "drop")
    assert allowed({"port": "http"}, ip=API) == ("tcp dport 9090 return", "drop")
    assert allowed({"port": "unknown"}) == ("drop",)


def test_named_ports_of_egress_are_those_of_the_peers() -> None:
    rule = [{"to": [{"podSelector": {}}], "ports": [{"port": "http"}]}]
    assert outbound(policy("db", egress=rule), ip=DB) == (
        f"ip daddr {{{WEB},{FAR}}} tcp dport 8080 return",
        f"ip daddr {{{API},{DB}}} tcp dport 9090 return",
        "drop",
    )


def test_blocks_with_exceptions() -> None:
    block = {"cidr": "192.168.0.0/16", "except": ["192.168.78.0/24", "192.168.1.0/24"]}
    assert inbound(policy("web", ingress=[{"from": [{"ipBlock": block}], "ports": [{"port": 80}]}])) == (
        "ip saddr 192.168.0.0/16 ip saddr != { 192.168.1.0/24, 192.168.78.0/24 } tcp dport 80 return",
        "drop",
    )
    assert inbound(policy("web", ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])) == ("return", "drop")
    assert inbound(policy("web", ingress=[{"from": [{"ipBlock": {"cidr": "fd00::/8"}}]}])) == ("drop",)


def test_several_policies_allow_together() -> None:
    one = policy("web", "a", ingress=[{"from": [{"podSelector": labels("api")}]}])
    two = policy(None, "b", ingress=[{"from": [{"podSelector": labels("db")}]}])
    assert inbound(one, two) == (f"ip saddr {{{API}}} return", f"ip saddr {{{DB}}} return", "drop")
    assert inbound(one, two, ip=API) == (f"ip saddr {{{DB}}} return", "drop")


DNS_RULE = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"to": [DNS_RULE], "ports": [{"port": 53, "protocol": "UDP"}]}, ["udp"]),
        ({"to": [DNS_RULE], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}, ["udp", "tcp"]),
        ({"to": [DNS_RULE], "ports": [{"port": "dns", "protocol": "UDP"}]}, ["udp"]),
        ({"to": [{"podSelector": DNS_RULE["podSelector"]}], "ports": [{"port": 53}]}, []),
        ({"to": [DNS_RULE], "ports": [{"port": 80}]}, []),
    ],
)
def test_dns_can_be_allowed_as_if_it_had_pods(rule: dict[str, Any], expected: list[str]) -> None:
    asked = f"ct original ip daddr {DNS_IP} meta l4proto"
    lines = tuple(f"{asked} {protocol} ct original proto-dst 53 return" for protocol in expected)
    assert outbound(policy("web", egress=[rule])) == (*lines, "drop")


def test_a_port_for_everyone_is_for_dns_too() -> None:
    found = outbound(policy("web", egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}]))
    assert found[0] == "udp dport 53 return" and DNS_IP in found[1]


def test_pods_that_policies_are_not_about() -> None:
    for without in (
        pod(WEB, "web", spec={"hostNetwork": True}),
        pod("", "web"),
        pod(WEB, "web", phase="Succeeded"),
    ):
        assert compiled(policy(), pods=[without]) == Enforced()


def test_the_table_holds_every_part() -> None:
    rule = [{"from": [{"podSelector": labels("api")}], "ports": [{"port": 80}]}]
    text = full_text("podo.policies", compiled(policy("web", ingress=rule)))
    assert text.startswith("table ip podo.policies\ndelete table ip podo.policies\ntable ip podo.policies {")
    assert f"add element ip podo.policies ingress {{ {WEB} : jump i_1 }}" in text
    assert f"add element ip podo.policies peers_1 {{ {API} }}" in text
    assert f"add element ip podo.policies self {{ {WEB} . {WEB} }}" in text
    assert "ip saddr @peers_1 tcp dport 80 return\n    drop" in text


@given(st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(chance: random.Random) -> None:
    rule = [{"from": [{"podSelector": labels("api")}, {"namespaceSelector": {}}]}]
    policies = [policy("web", "a", ingress=rule), policy(None, "b"), policy("db", "c", egress=[{}])]
    shuffled, pods = copy.deepcopy(policies), list(PODS)
    chance.shuffle(shuffled)
    chance.shuffle(pods)
    assert full_text("t", compiled(*shuffled, pods=pods)) == full_text("t", compiled(*policies))
