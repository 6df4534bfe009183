"""Pods that want to be together, apart or spread, in a whole cluster."""

from __future__ import annotations

from collections import Counter
from typing import Any

from podo.api.meta import condition_of, name_of
from podo.lab import World

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def term(app: str, key: str = HOSTNAME) -> dict[str, Any]:
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}


def required(kind: str, *terms: dict[str, Any]) -> dict[str, Any]:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def pod(name: str, app: str = "x", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": app}}
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "100m"}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def where(world: World) -> dict[str, str]:
    return {name_of(each): each["spec"].get("nodeName", "") for each in world.pods("default")}


def message(world: World, name: str) -> str:
    condition = condition_of(world.get("Pod", name), "PodScheduled")
    return condition.get("message", "") if condition else ""


def put_into_zones(world: World, *zones: str) -> None:
    for node, zone in zip(world.list("Node"), zones, strict=True):
        world.run(world.client.patch("Node", name_of(node), patch={"metadata": {"labels": {ZONE: zone}}}))
    world.settle()


def test_replicas_that_want_to_be_apart_and_the_one_too_many() -> None:
    with World(nodes=3) as world:
        apart = required("podAntiAffinity", term("x"))
        world.apply([pod(f"p{number}", affinity=apart) for number in range(4)])
        world.settle()
        placed = where(world)
        assert sorted(filter(None, placed.values())) == sorted({name_of(node) for node in world.list("Node")})
        waits = next(name for name, node in placed.items() if not node)
        assert message(world, waits) == (
            "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules. "
            "no new claims to deallocate, "
            "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
        )
        world.delete("Pod", next(name for name in placed if name != waits))
        world.wait_until(lambda: where(world)[waits], within=90)


def test_a_placed_pod_keeps_others_away() -> None:
    with World(nodes=1) as world:
        world.apply(pod("hermit", "alone", affinity=required("podAntiAffinity", term("guest"))))
        world.wait_for("Pod", "hermit")
        world.apply(pod("visitor", "guest"))
        assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in world.wait_until(
            lambda: message(world, "visitor")
        )


def test_a_pod_waits_for_the_one_that_it_wants_to_be_with() -> None:
    with World(nodes=3) as world:
        put_into_zones(world, "a", "a", "b")
        world.apply(pod("follower", "f", affinity=required("podAffinity", term("leader", ZONE))))
        assert "3 node(s) didn't match pod affinity rules" in world.wait_until(lambda: message(world, "follower"))
        only = {"nodeSelector": {ZONE: "b"}}
        world.apply(pod("leader", "leader", **only))
        world.wait_until(lambda: where(world)["follower"], within=20)
        assert where(world)["follower"] == where(world)["leader"]


def test_the_first_of_a_group_that_wants_to_be_together_starts_it() -> None:
    with World(nodes=3) as world:
        world.apply([pod(f"p{number}", affinity=required("podAffinity", term("x"))) for number in range(4)])
        world.settle()
        assert len(set(where(world).values())) == 1 and "" not in where(world).values()


def test_strict_spread_over_zones() -> None:
    with World(nodes=3) as world:
        put_into_zones(world, "a", "a", "b")
        spread = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
        spread["labelSelector"] = {"matchLabels": {"app": "x"}}
        world.apply([pod(f"p{number}", topologySpreadConstraints=[spread]) for number in range(6)])
        world.settle()
        zones = {name_of(node): node["metadata"]["labels"][ZONE] for node in world.list("Node")}
        assert Counter(zones[node] for node in where(world).values()) == {"a": 3, "b": 3}
        world.run(world.client.patch("Node", "node-2", patch={"spec": {"unschedulable": True}}))
        world.apply([pod(f"more-{number}", topologySpreadConstraints=[spread]) for number in range(2)])
        world.settle()
        waits = [name for name, node in where(world).items() if not node]
        assert len(waits) == 1
        text = "1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints."
        assert message(world, waits[0]).startswith(f"0/3 nodes are available: {text}")


def test_a_deployment_spreads_over_zones_by_itself() -> None:
    with World(nodes=4) as world:
        put_into_zones(world, "a", "a", "a", "b")
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
        spec = {"replicas": 8, "selector": {"matchLabels": {"app": "x"}}, "template": template}
        world.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
        world.settle()
        counts = Counter(where(world).values())
        assert sum(counts.values()) == 8 and counts["node-3"] >= 3, "two would be even over nodes, four over zones"


def test_resource_claims_that_nobody_allocated_keep_a_pod_waiting() -> None:
    with World(nodes=1) as world:
        world.apply(pod("p", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]))
        assert 'resourceclaim "gpu" not found' in world.wait_until(lambda: message(world, "p"))
