"""What a Service must be like, and what becomes of it when its type changes, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, after, changed, created, one, told
from tests.unit.apiserver.world import World, in_world

ONLY_BALANCER = "Forbidden: may only be used when `type` is 'LoadBalancer'"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
MODE, HINTS = "service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def service(*ports: Obj, **spec: Any) -> Obj:
    return one("v1", "Service", spec={"selector": {"app": "web"}, "ports": list(ports) or [{"port": 80}], **spec})


BALANCER = service(type="LoadBalancer")
LOCAL = service(type="LoadBalancer", externalTrafficPolicy="Local")

NEW: list[tuple[Obj, list[str]]] = [
    (
        changed(service(), metadata__annotations={MODE: "Auto", HINTS: "Disabled"}),
        [
            f'metadata.annotations[{MODE}]: Invalid value: "Auto": must match annotations[{HINTS}] when both are '
            "specified"
        ],
    ),
    (
        service(
            type="ExternalName",
            externalName="a.example",
            clusterIP="10.96.0.9",
            ipFamilies=["IPv4"],
            ipFamilyPolicy="SingleStack",
        ),
        [
            "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
            "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
            "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
        ],
    ),
    (
        service({"port": 80, "appProtocol": "a b"}),
        [f'spec.ports[0].appProtocol: Invalid value: "a b": {QUALIFIED}'],
    ),
    (service({"port": 10250}, type="LoadBalancer"), []),
    (
        service(clusterIP="1.2.3"),
        ['spec.clusterIPs[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        service(clusterIP="10.96.0.9", clusterIPs=["10.96.0.9", "10.96.0.10"]),
        [
            'spec.clusterIPs: Invalid value: ["10.96.0.9","10.96.0.10"]: '
            "may specify no more than one IP for each IP family"
        ],
    ),
    (
        service(clusterIP="10.96.0.9", ipFamilies=["IPv6"]),
        ['spec.clusterIPs[0]: Invalid value: "10.96.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`'],
    ),
    (
        service(loadBalancerSourceRanges=["10.0.0.0/8", "x"]),
        [
            f"spec.LoadBalancerSourceRanges: {ONLY_BALANCER}",
            'spec.LoadBalancerSourceRanges[1]: Invalid value: "x": '
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ],
    ),
    (service(type="LoadBalancer", loadBalancerSourceRanges=[" 10.0.0.0/8 "]), []),
    (
        changed(service(), metadata__annotations={RANGES: "10.0.0.0/8"}),
        [f"metadata.annotations[{RANGES}]: {ONLY_BALANCER}"],
    ),
    (service(allocateLoadBalancerNodePorts=True), [f"spec.allocateLoadBalancerNodePorts: {ONLY_BALANCER}"]),
    (service(loadBalancerClass="a/b"), [f"spec.loadBalancerClass: {ONLY_BALANCER}"]),
    (
        service(type="LoadBalancer", loadBalancerClass="-"),
        [f'spec.loadBalancerClass: Invalid value: "-": {QUALIFIED}'],
    ),
    (
        service(healthCheckNodePort=30100),
        [
            "spec.healthCheckNodePort: Invalid value: 30100: may only be set when `type` is 'LoadBalancer' and "
            "`externalTrafficPolicy` is 'Local'"
        ],
    ),
    (
        service(externalTrafficPolicy="Far", type="NodePort"),
        ['spec.externalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"'],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_a_new_service_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert told(given) == wanted


def test_causes_are_told_in_the_order_of_upstream() -> None:
    wrong = service(
        {"name": "a", "port": 0, "targetPort": "web"},
        {"name": "a", "port": 0, "targetPort": "web"},
        type="LoadBalancer",
        clusterIP="None",
        sessionAffinity="Sticky",
        externalIPs=["127.0.0.1"],
        internalTrafficPolicy="Far",
    )
    fields = [cause.partition(": ")[0] for cause in told(wrong)]
    assert fields == [
        "spec.clusterIPs[0]",
        "spec.ports[0].port",
        "spec.ports[1].name",
        "spec.ports[1].port",
        "spec.sessionAffinity",
        "spec.externalIPs[0]",
        "spec.ports[1]",
        "spec.internalTrafficPolicy",
    ]


CHANGES: list[tuple[Obj, Obj, list[str]]] = [
    (
        service(clusterIP="10.96.0.9"),
        service(clusterIP="10.96.0.10"),
        ['spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set'],
    ),
    (service(clusterIP="10.96.0.9"), service(type="ExternalName", externalName="a.example"), []),
    (
        BALANCER,
        changed(BALANCER, spec__loadBalancerClass="a/b"),
        ['spec.loadBalancerClass: Invalid value: "a/b": may not change once set'],
    ),
    (
        changed(LOCAL, spec__healthCheckNodePort=30100),
        changed(LOCAL, spec__healthCheckNodePort=30101),
        ["spec.healthCheckNodePort: Forbidden: field is immutable"],
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), CHANGES)
def test_what_an_update_may_not_change(old: Obj, new: Obj, wanted: list[str]) -> None:
    assert told(new, old) == wanted


INGRESS: list[tuple[Obj, list[Obj], list[str]]] = [
    (BALANCER, [{"ip": "10.0.0.1"}, {"hostname": "lb.example"}, {"ip": "10.0.0.1", "ipMode": "Proxy"}], []),
    (
        service(),
        [{"ip": "10.0.0.1"}],
        ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
    ),
    (
        BALANCER,
        [{"ip": "x", "ipMode": "Far"}, {"hostname": "10.0.0.1", "ipMode": "VIP"}],
        [
            'status.loadBalancer.ingress[0].ip: Invalid value: "x": '
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Far": supported values: "Proxy", "VIP"',
            "status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set",
            'status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        ],
    ),
]


@pytest.mark.parametrize(("given", "ingress", "wanted"), INGRESS)
def test_what_the_status_of_a_load_balancer_must_be_like(given: Obj, ingress: list[Obj], wanted: list[str]) -> None:
    assert told(changed(given, status={"loadBalancer": {"ingress": ingress}}), given, subresource="status") == wanted


def test_addresses_of_a_load_balancer_are_virtual_unless_the_status_says_otherwise() -> None:
    async def test(world: World) -> None:
        await world.client.create(BALANCER)
        ingress = [{"ip": "10.0.0.1"}, {"hostname": "lb.example"}, {"ip": "10.0.0.2", "ipMode": "Proxy"}]
        target = f"/api/v1/namespaces/default/services/{BALANCER['metadata']['name']}/status"
        for _ in range(2):  # once more changes nothing
            patch = {"status": {"loadBalancer": {"ingress": ingress}}}
            status, found = await world.ask("PATCH", target, patch, content_type="application/merge-patch+json")
            assert status == 200, found
            filled = [{**ingress[0], "ipMode": "VIP"}, *ingress[1:]]
            assert found["status"]["loadBalancer"]["ingress"] == filled
        _, stored = await world.ask("GET", target)
        assert stored["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]

    in_world(test)


def test_a_load_balancer_that_keeps_to_its_nodes_has_a_port_for_their_health() -> None:
    async def test(world: World) -> None:
        made = await created(world, LOCAL)
        port = made["spec"]["healthCheckNodePort"]
        assert 30000 <= port <= 32767
        target = "/api/v1/namespaces/default/services/web"
        _, kept = await world.ask("PUT", target, LOCAL)
        assert kept["spec"]["healthCheckNodePort"] == port
        _, plain = await world.ask("PUT", target, changed(made, spec__type="NodePort"))
        assert "healthCheckNodePort" not in plain["spec"]
        assert "allocateLoadBalancerNodePorts" not in plain["spec"]
        other = service({"port": 80, "nodePort": port}, type="NodePort")
        await created(world, changed(other, metadata__name="other"))

    in_world(test)


def test_a_port_keeps_its_node_port_by_its_name() -> None:
    old = service({"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 81}, type="NodePort")
    new = service({"name": "b", "port": 80}, {"name": "a", "port": 81}, type="NodePort")
    assert after(new, old)["spec"]["ports"][1]["nodePort"] == 30080


def test_a_node_port_that_another_port_took_is_not_kept() -> None:
    old = service({"name": "a", "port": 80, "nodePort": 30080}, type="NodePort")
    new = service({"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": 30080}, type="NodePort")
    ports = after(new, old)["spec"]["ports"]
    assert ports[1]["nodePort"] == 30080
    assert ports[0]["nodePort"] not in (0, 30080)


def test_a_service_that_is_no_load_balancer_any_more_has_no_address_of_one() -> None:
    async def test(world: World) -> None:
        made = await created(world, BALANCER)
        target = "/api/v1/namespaces/default/services/web"
        given = changed(made, status={"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}})
        status, _ = await world.ask("PUT", f"{target}/status", given)
        assert status == 200
        patch = {"spec": {"type": "ClusterIP"}}
        _, plain = await world.ask("PATCH", target, patch, content_type="application/merge-patch+json")
        assert plain["status"] == {"loadBalancer": {}}
        assert plain["spec"]["internalTrafficPolicy"] == "Cluster"

    in_world(test)
