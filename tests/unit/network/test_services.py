"""Services as elements of maps: what each kind of Service needs, and that changes lead where a whole table would."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.network.services.rules import Element, NodeFacts, chain_body, elements_of, host_ports_of, ranges_of
from podo.network.services.table import TableFacts, change_text, full_text

HERE = NodeFacts("n1")
FACTS = TableFacts("podo", "10.244.0.0/16", "10.96.0.0/16", ("192.0.2.2",))


def service(*ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"clusterIP": "10.96.0.9", "ports": ports or ({"port": 80},), **spec}}


def piece(*endpoints: dict[str, Any], port: int = 8080, name: str = "") -> dict[str, Any]:
    return {"addressType": "IPv4", "ports": [{"name": name, "port": port}], "endpoints": list(endpoints)}


def endpoint(ip: str, node: str = "n1", **conditions: bool) -> dict[str, Any]:
    return {"addresses": [ip], "nodeName": node, "conditions": conditions or {"ready": True}}


def test_a_cluster_ip_is_one_element_and_one_an_endpoint() -> None:
    found = elements_of(service(), [piece(endpoint("10.244.0.2"), endpoint("10.244.1.2", "n2"))], HERE)
    assert found == {
        Element("svc", "10.96.0.9 . tcp . 80", "goto c_tcp_2"),
        Element("ep_tcp", "10.96.0.9 . 80 . 0", "10.244.0.2 . 8080"),
        Element("ep_tcp", "10.96.0.9 . 80 . 1", "10.244.1.2 . 8080"),
        Element("hairpin", "10.244.0.2 . 10.244.0.2"),
    }


def test_ranges_are_elements_without_overlaps() -> None:
    one, two = ranges_of(["10.96.0.0/16"]), ranges_of(["10.96.0.0/16", "10.1.0.0/24", "10.96.3.0/24", "fd00::/112"])
    three = ranges_of(["10.96.0.0/16", "10.1.0.0/24", "10.1.0.0/16"])
    assert change_text("podo", one, two, set()) == "add element ip podo service_cidr { 10.1.0.0/24 }\n"
    lines = change_text("podo", two, three, set()).splitlines()
    assert lines[0] == "delete element ip podo service_cidr { 10.1.0.0/24 }"
    assert lines[1:] == ["add element ip podo service_cidr { 10.1.0.0/16 }"]
    assert "add element ip podo service_cidr { 10.96.0.0/16 }" in full_text(FACTS, one)


def test_headless_external_and_empty_services_need_nothing() -> None:
    one = [piece(endpoint("10.244.0.2"))]
    assert not elements_of(service(clusterIP="None"), one, HERE)
    assert not elements_of(service(type="ExternalName", clusterIP=""), one, HERE)
    assert not elements_of(service(), [], HERE)
    assert not elements_of(service(), [piece(endpoint("10.244.0.2", ready=False))], HERE)


def test_endpoints_that_end_serve_only_when_no_other_does() -> None:
    ending = endpoint("10.244.0.3", ready=False, serving=True, terminating=True)
    alone = elements_of(service(), [piece(ending)], HERE)
    assert Element("ep_tcp", "10.96.0.9 . 80 . 0", "10.244.0.3 . 8080") in alone
    both = elements_of(service(), [piece(ending, endpoint("10.244.0.2"))], HERE)
    assert [e.value for e in both if e.map == "ep_tcp"] == ["10.244.0.2 . 8080"]


def test_local_policies_keep_traffic_on_the_node_or_drop_it() -> None:
    both = [piece(endpoint("10.244.0.2"), endpoint("10.244.1.2", "n2"))]
    away = [piece(endpoint("10.244.1.2", "n2"))]
    port = {"port": 80, "nodePort": 30080}
    outside = {"type": "NodePort", "externalTrafficPolicy": "Local"}
    assert Element("nodeport", "tcp . 30080", "goto l_tcp_1") in elements_of(service(port, **outside), both, HERE)
    assert Element("nodeport", "tcp . 30080", "drop") in elements_of(service(port, **outside), away, HERE)
    inside = elements_of(service(internalTrafficPolicy="Local"), both, HERE)
    assert Element("svc", "10.96.0.9 . tcp . 80", "goto c_tcp_1") in inside


def test_hints_lead_to_the_closest_endpoints_of_this_node_and_zone() -> None:
    """KEP-3015: by node where every endpoint has such a hint and one is for this node; else by zone likewise."""
    near = hinted("10.244.0.2", "n1", "a")
    same_zone, far = hinted("10.244.1.2", "n2", "a"), hinted("10.244.2.2", "n3", "b")
    unhinted = endpoint("10.244.3.2", "n4")
    here = NodeFacts("n1", "a")
    assert reached([near, same_zone, far], here) == {"10.244.0.2"}
    assert reached([same_zone, far], here) == {"10.244.1.2"}
    assert reached([far], here) == {"10.244.2.2"}
    assert reached([near, far, unhinted], here) == {"10.244.0.2", "10.244.2.2", "10.244.3.2"}
    assert reached([same_zone, far], NodeFacts("n1")) == {"10.244.1.2", "10.244.2.2"}
    elsewhere = NodeFacts("n2", "a")
    assert reached([near, far], elsewhere, internalTrafficPolicy="Local") == set()


def hinted(ip: str, node: str, zone: str) -> dict[str, Any]:
    return {**endpoint(ip, node), "hints": {"forNodes": [{"name": node}], "forZones": [{"name": zone}]}}


def reached(endpoints: list[dict[str, Any]], node: NodeFacts, **spec: Any) -> set[str]:
    found = elements_of(service(**spec), [piece(*endpoints)], node)
    return {element.value.split()[0] for element in found if element.map == "ep_tcp"}


def test_named_ports_protocols_and_further_addresses() -> None:
    ports = (
        {"name": "a", "port": 1},
        {"name": "b", "port": 2, "protocol": "UDP"},
        {"name": "c", "port": 3, "protocol": "SCTP"},
    )
    pieces = [piece(endpoint("10.244.0.2"), name="a"), piece(endpoint("10.244.0.2"), port=53, name="b")]
    found = elements_of(service(*ports, externalIPs=["198.51.100.7"]), pieces, HERE)
    assert {e.key for e in found if e.map == "svc"} == {
        "10.96.0.9 . tcp . 1",
        "10.96.0.9 . udp . 2",
        "198.51.100.7 . tcp . 1",
        "198.51.100.7 . udp . 2",
    }
    assert Element("ep_udp", "10.96.0.9 . 2 . 0", "10.244.0.2 . 53") in found


def test_affinity_picks_by_the_clients_address() -> None:
    found = elements_of(service(sessionAffinity="ClientIP"), [piece(endpoint("10.244.0.2"))], HERE)
    assert Element("svc", "10.96.0.9 . tcp . 80", "goto h_tcp_1") in found
    assert "jhash ip saddr mod 1" in chain_body("h_tcp_1")


@pytest.mark.parametrize(("policy", "chain", "marks"), [("Cluster", "o_tcp_1", True), ("Local", "m_tcp_1", False)])
def test_affinity_holds_at_node_ports(policy: str, chain: str, marks: bool) -> None:
    outside = {"type": "NodePort", "sessionAffinity": "ClientIP", "externalTrafficPolicy": policy}
    found = elements_of(service({"port": 80, "nodePort": 30080}, **outside), [piece(endpoint("10.244.0.2"))], HERE)
    assert Element("nodeport", "tcp . 30080", f"goto {chain}") in found
    body = chain_body(chain)
    assert "tcp dport . jhash ip saddr mod 1 map @np_tcp" in body and ("jump mark_masq" in body) is marks


def test_host_ports_of_running_pods() -> None:
    container = {"ports": [{"containerPort": 80, "hostPort": 8888, "protocol": "UDP"}, {"containerPort": 81}]}
    pod = {"spec": {"containers": [container]}, "status": {"podIP": "10.244.0.2", "phase": "Running"}}
    assert host_ports_of(pod) == {Element("hostport", "udp . 8888", "10.244.0.2 . 80")}
    assert not host_ports_of({**pod, "status": {"podIP": "10.244.0.2", "phase": "Succeeded"}})


def test_sidecars_have_host_ports_and_other_init_containers_none() -> None:
    inits = [
        {"restartPolicy": "Always", "ports": [{"containerPort": 90, "hostPort": 9999, "protocol": "TCP"}]},
        {"ports": [{"containerPort": 91, "hostPort": 9998, "protocol": "TCP"}]},
    ]
    spec = {"containers": [{}], "initContainers": inits}
    pod = {"spec": spec, "status": {"podIP": "10.244.0.2", "phase": "Running"}}
    assert host_ports_of(pod) == {Element("hostport", "tcp . 9999", "10.244.0.2 . 90")}


elements = st.frozensets(
    st.builds(
        Element,
        st.sampled_from(["svc", "nodeport"]),
        st.integers(0, 20).map(lambda n: f"10.96.0.{n} . tcp . 80"),
        st.integers(1, 4).map(lambda n: f"goto c_tcp_{n}"),
    ),
    max_size=12,
)


@given(elements, elements)
def test_a_change_leads_to_what_a_whole_table_would_have(before: frozenset[Element], after: frozenset[Element]) -> None:
    """Played on a model of nft: every deleted element is there, every chain is made before an element goes to it."""
    chains = set(re.findall(r"chain (c_tcp_\d)", full_text(FACTS, before)))
    table = set(before)
    for line in change_text("podo", before, after, chains).splitlines():
        verb, what, _, _, name, *rest = line.split(maxsplit=5)
        if (verb, what) == ("add", "chain"):
            chains.add(name)
        elif what == "element":
            for item in rest[0].strip("{ }").split(", "):
                key, _, value = item.partition(" : ")
                if verb == "delete":
                    gone = {e for e in table if (e.map, e.key) == (name, key)}
                    assert gone
                    table.remove(min(gone & (before - after)))
                else:
                    assert value.removeprefix("goto ") in chains
                    table.add(Element(name, key, value))
    assert table == after
