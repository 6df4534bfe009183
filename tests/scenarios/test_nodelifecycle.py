"""A node is lost and comes back: what the cluster says of it, and what becomes of its pods."""

from __future__ import annotations

from podo.api.meta import condition_of, name_of
from podo.lab import World

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 4,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1.14.2"}]},
        },
    },
}


def taints(node: dict) -> set[tuple[str, str]]:
    return {
        (taint["key"].removeprefix("node.kubernetes.io/"), taint["effect"]) for taint in node["spec"].get("taints", [])
    }


def test_nodes_get_networks_of_their_own() -> None:
    with World(nodes=5) as world:
        world.settle()
        networks = [node["spec"]["podCIDR"] for node in world.list("Node")]
        assert sorted(networks) == [f"10.244.{number}.0/24" for number in range(5)]


def test_a_lost_node() -> None:
    with World(nodes=2) as world:
        world.apply(DEPLOYMENT)
        world.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
            }
        )
        world.wait_for("Deployment", "web", condition="Available")
        world.settle()
        lost = name_of(world.list("Node")[0])
        before = {name_of(pod) for pod in world.pods(labels="app=web") if pod["spec"]["nodeName"] == lost}
        assert before
        world.kill_node(lost)
        world.advance(35)
        assert taints(world.get("Node", lost, "")) == set(), "not lost yet"
        world.advance(30)
        node = world.get("Node", lost, "")
        ready = condition_of(node, "Ready")
        assert ready and (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
        assert ready["message"] == "Kubelet stopped posting node status."
        assert taints(node) == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
        for pod in world.pods(labels="app=web"):
            condition = condition_of(pod, "Ready")
            assert condition and condition["status"] == str(pod["spec"]["nodeName"] != lost)
        endpoints = [
            e for s in world.list("EndpointSlice", "default", "kubernetes.io/service-name=web") for e in s["endpoints"]
        ]
        assert {e["nodeName"]: e["conditions"]["ready"] for e in endpoints}[lost] is False

        world.advance(310)  # the default tolerations last 300 s
        gone = [pod for pod in world.pods(labels="app=web") if name_of(pod) in before]
        assert all("deletionTimestamp" in pod["metadata"] for pod in gone)
        target = condition_of(gone[0], "DisruptionTarget")
        assert target and target["reason"] == "DeletionByTaintManager"
        living = [pod for pod in world.pods(labels="app=web") if "deletionTimestamp" not in pod["metadata"]]
        assert len(living) == 4 and all(pod["spec"]["nodeName"] != lost for pod in living)
        assert world.get("Deployment", "web")["status"]["availableReplicas"] == 4

        world.start_node(lost)
        world.advance(30)
        assert taints(world.get("Node", lost, "")) == set()
        assert len(world.pods(labels="app=web")) == 4


def test_pods_of_a_deleted_node_go() -> None:
    with World(nodes=2) as world:
        world.apply(DEPLOYMENT)
        world.wait_for("Deployment", "web", condition="Available")
        lost = name_of(world.list("Node")[0])
        before = {pod["metadata"]["uid"] for pod in world.pods() if pod["spec"]["nodeName"] == lost}
        world.kill_node(lost)
        world.delete("Node", lost, "")
        world.advance(39)  # it may be about to be seen again
        assert before and before <= {pod["metadata"]["uid"] for pod in world.pods()}
        world.advance(21)
        assert {pod["spec"]["nodeName"] for pod in world.pods(labels="app=web")} == {name_of(world.list("Node")[0])}
        assert len(world.pods(labels="app=web")) == 4


def test_nodes_that_come_and_go_are_told_of() -> None:
    with World(nodes=2) as world:
        world.kill_node("node-1")
        world.delete("Node", "node-1", "")
        world.settle()
        told = [event for event in world.events() if event["source"]["component"] == "node-controller"]
        assert {(event["reason"], event["message"], event["type"]) for event in told} == {
            ("RegisteredNode", "Node node-0 event: Registered Node node-0 in Controller", "Normal"),
            ("RegisteredNode", "Node node-1 event: Registered Node node-1 in Controller", "Normal"),
            ("RemovingNode", "Node node-1 event: Removing Node node-1 from Controller", "Normal"),
        }


def test_older_labels_follow_the_newer_ones() -> None:
    with World(nodes=1) as world:
        labels = {"beta.kubernetes.io/os": None, "beta.kubernetes.io/arch": "vax"}
        world.run(world.client.patch("Node", "node-0", patch={"metadata": {"labels": labels}}))
        world.settle()
        found = world.get("Node", "node-0")["metadata"]["labels"]
        assert found["beta.kubernetes.io/os"] == found["kubernetes.io/os"] == "linux"
        assert found["beta.kubernetes.io/arch"] == found["kubernetes.io/arch"] != "vax"


def test_taints_of_somebody_elses_stay() -> None:
    with World(nodes=1) as world:
        taint = {"key": "node.kubernetes.io/memory-pressure", "effect": "PreferNoSchedule"}
        world.run(world.client.patch("Node", "node-0", patch={"spec": {"taints": [taint]}}))
        world.settle()
        assert world.get("Node", "node-0")["spec"]["taints"] == [taint]


def test_a_node_may_be_left_out_when_its_zone_is_judged() -> None:
    """Where every node that counts is lost, nothing is evicted; where none counts, evictions go on."""
    with World(nodes=2) as world:
        label = {"metadata": {"labels": {"node.kubernetes.io/exclude-disruption": ""}}}
        world.run(world.client.patch("Node", "node-1", patch=label))
        world.kill_node("node-0")
        world.advance(120)
        assert evicting(world) == [], "the only node that counts is lost"
        world.run(world.client.patch("Node", "node-0", patch=label))
        world.advance(1)
        world.wait_until(lambda: evicting(world) == ["node-0"], within=30)


def evicting(world: World) -> list[str]:
    """The nodes whose pods are told to go."""
    effect = ("unreachable", "NoExecute")
    return [name_of(node) for node in world.list("Node") if effect in taints(node)]


def test_nodes_that_are_lost_together_lose_their_pods_one_after_the_other() -> None:
    with World(nodes=8) as world:
        for number in (1, 2, 3):
            world.kill_node(f"node-{number}")
        world.wait_until(lambda: len(evicting(world)) == 1, within=90)
        world.advance(4)
        assert len(evicting(world)) == 1
        world.wait_until(lambda: len(evicting(world)) == 2, within=9)
        world.wait_until(lambda: len(evicting(world)) == 3, within=12)


def test_when_everything_is_lost_nothing_is_evicted() -> None:
    with World(nodes=2) as world:
        world.kill_node("node-0")
        world.wait_until(lambda: evicting(world) == ["node-0"], within=90)
        world.kill_node("node-1")
        world.wait_until(lambda: evicting(world) == [], within=90)
        world.advance(600)
        assert evicting(world) == []
        world.start_node("node-1")
        world.wait_until(lambda: evicting(world) == ["node-0"], within=30)


def test_pods_of_a_machine_that_is_out_of_service_go_at_once() -> None:
    with World(nodes=2) as world:
        world.apply(DEPLOYMENT)
        world.wait_for("Deployment", "web", condition="Available")
        world.kill_node("node-0")
        world.wait_until(lambda: evicting(world) == ["node-0"], within=90)
        taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        present = world.get("Node", "node-0")["spec"]["taints"]
        patch = {"spec": {"taints": [*present, taint]}}
        world.run(world.client.patch("Node", "node-0", patch=patch))

        def moved() -> bool:
            return [pod["spec"]["nodeName"] for pod in world.pods()] == ["node-1"] * 4

        world.wait_until(moved, within=30)
