"""``service.kubernetes.io/topology-mode: Auto`` on a whole cluster: each zone's traffic stays there, while its part of
the endpoints is as large as its part of the CPU; and goes everywhere where it is not."""

from __future__ import annotations

from typing import Any

from podo.api.meta import labels_of, name_of
from podo.lab import World
from podo.network.services.rules import NodeFacts, elements_of
from tests.scenarios.conftest import deployment

ZONE, MODE = "topology.kubernetes.io/zone", "service.kubernetes.io/topology-mode"
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "annotations": {MODE: "Auto"}},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def spread(replicas: int) -> dict[str, Any]:
    """As many pods on each node, which are as large."""
    found = deployment(replicas=replicas)
    constraint = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    found["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {**constraint, "labelSelector": {"matchLabels": {"app": "web"}}}
    ]
    return found


def put_into_zones(world: World, *zones: str) -> None:
    for node, zone in zip(world.list("Node"), zones, strict=True):
        world.run(world.client.patch("Node", name_of(node), patch={"metadata": {"labels": {ZONE: zone}}}))


def reached(world: World, node: dict[str, Any]) -> set[str]:
    """The zones of the pods that get the traffic of ``node``."""
    zones = {name_of(each): labels_of(each)[ZONE] for each in world.list("Node")}
    homes = {pod["status"]["podIP"]: zones[pod["spec"]["nodeName"]] for pod in world.pods(labels="app=web")}
    slices = world.list("EndpointSlice", labels="kubernetes.io/service-name=web")
    found = elements_of(world.get("Service", "web"), slices, NodeFacts(name_of(node), labels_of(node)[ZONE]))
    return {homes[element.value.split()[0]] for element in found if element.map == "ep_tcp"}


def told(world: World) -> list[tuple[str, str, str]]:
    events = (event for event in world.events("web") if event["reason"].startswith("TopologyAware"))
    return [(event["type"], event["reason"], event["message"]) for event in events]


def test_traffic_stays_in_its_zone_while_each_has_enough() -> None:
    with World(nodes=3) as world:
        put_into_zones(world, "a", "b", "c")
        world.apply(spread(9))
        world.wait_for("Deployment", "web", condition="Available")
        world.apply(SERVICE)
        world.settle()
        assert [reached(world, node) for node in world.list("Node")] == [{"a"}, {"b"}, {"c"}]
        begun = ("Normal", "TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled, addressType: IPv4")
        assert told(world) == [begun]

        world.scale("Deployment", "web", 2)
        world.settle()
        everywhere = {labels_of(world.get("Node", pod["spec"]["nodeName"], ""))[ZONE] for pod in world.pods()}
        assert [reached(world, node) for node in world.list("Node")] == [everywhere] * 3
        why = "Insufficient number of endpoints (2 endpoints, 3 zones), addressType: IPv4"
        assert told(world)[-1] == ("Warning", "TopologyAwareHintsDisabled", why)


def test_a_lost_node_takes_its_zone_along() -> None:
    with World(nodes=4) as world:
        put_into_zones(world, "a", "a", "b", "b")
        world.apply(spread(8))
        world.wait_for("Deployment", "web", condition="Available")
        world.apply(SERVICE)
        world.settle()
        nodes = world.list("Node")
        assert [reached(world, node) for node in nodes] == [{"a"}, {"a"}, {"b"}, {"b"}]
        world.kill_node(name_of(nodes[3]))
        world.advance(120)
        # A third of the CPU is in b now, and of the six pods that are left two: they are enough.
        assert [reached(world, node) for node in nodes[:3]] == [{"a"}, {"a"}, {"b"}]
        world.kill_node(name_of(nodes[2]))
        world.advance(120)
        assert reached(world, nodes[0]) == {"a"}
        assert told(world)[-1][2].startswith("Insufficient Node information")
