"""Preemption in a whole cluster: who has to go, what they are told, and who is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.meta import condition_of, name_of
from podo.lab import Faults, World

GPU = "example.com/fakecpu"


def pod(name: str, priority: str = "", cpu: str = "20", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}}
    metadata = {"name": name, "labels": {"name": name}}
    more = {"priorityClassName": priority} if priority else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], **more, **spec},
    }


def priority(name: str, value: int, **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        **fields,
    }


PRIORITIES = [priority("low", 1), priority("medium", 100), priority("high", 1000)]


def node_of(world: World, name: str, namespace: str = "default") -> str:
    return str(world.get("Pod", name, namespace)["spec"].get("nodeName") or "")


def there(world: World) -> set[str]:
    return {name_of(each) for each in world.pods("default")}


def message(world: World, name: str) -> str:
    condition = condition_of(world.get("Pod", name), "PodScheduled")
    return str(condition["message"]) if condition and condition["status"] == "False" else ""


def run_all(world: World, *pods: dict[str, Any]) -> None:
    world.apply([*pods])
    for each in pods:
        world.wait_for("Pod", each["metadata"]["name"])


def test_the_least_important_pod_goes_and_the_others_stay() -> None:
    """validates basic preemption works"""
    with World(nodes=2) as world:
        world.apply(PRIORITIES)
        run_all(world, pod("low", "low"), pod("medium", "medium"))
        world.apply(pod("preemptor", "high"))
        world.wait_for("Pod", "preemptor", within=120)
        assert there(world) == {"medium", "preemptor"}
        assert not world.get("Pod", "preemptor")["status"].get("nominatedNodeName")
        uid = world.get("Pod", "preemptor")["metadata"]["uid"]
        node = node_of(world, "preemptor")
        told = [event["message"] for event in world.events("low") if event["reason"] == "Preempted"]
        assert told == [f"Preempted by pod {uid} on node {node}"]
        failed = [event["message"] for event in world.events("preemptor") if event["reason"] == "FailedScheduling"]
        assert failed[0] == "0/2 nodes are available: 2 Insufficient cpu."


def test_the_node_that_is_being_cleared_is_named() -> None:
    with World(nodes=1) as world:
        world.apply(PRIORITIES)
        run_all(world, pod("victim", "low"))
        world.kill_node("node-0")  # nobody ends the victim
        world.apply(pod("preemptor", "high"))
        world.wait_until(lambda: world.get("Pod", "victim")["metadata"].get("deletionTimestamp"))
        world.wait_until(lambda: world.get("Pod", "preemptor")["status"].get("nominatedNodeName") == "node-0")
        world.start_node("node-0")
        world.wait_for("Pod", "preemptor", within=300)
        assert "nominatedNodeName" not in world.get("Pod", "preemptor")["status"]


def test_a_critical_pod_displaces_an_ordinary_one() -> None:
    """validates lower priority pod preemption by critical pod"""
    with World(nodes=2) as world:
        world.apply(PRIORITIES)
        run_all(world, pod("low", "low"), pod("medium", "medium"))
        critical = pod("critical", "system-cluster-critical")
        critical["metadata"]["namespace"] = "kube-system"
        world.apply(critical)
        world.wait_until(lambda: node_of(world, "critical", "kube-system"), within=120)
        assert there(world) == {"medium"}


def test_the_victim_is_told_before_it_goes() -> None:
    """validates pod disruption condition is added to the preempted pod"""
    with World(nodes=1) as world:
        world.apply(PRIORITIES)
        victim = pod("victim", "low")
        victim["metadata"]["finalizers"] = ["example.com/test-finalizer"]
        run_all(world, victim)
        world.apply(pod("preemptor", "high"))
        world.wait_until(lambda: world.get("Pod", "victim")["metadata"].get("deletionTimestamp"))
        condition = condition_of(world.get("Pod", "victim"), "DisruptionTarget")
        assert condition is not None
        assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
        assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
        world.wait_until(lambda: node_of(world, "preemptor") == "node-0", within=120)
        assert "victim" in there(world), "a pod that has ended takes no room, though its object is still there"


def test_replica_sets_of_rising_priority_on_an_extended_resource() -> None:
    """runs ReplicaSets to verify preemption running path"""
    with World(nodes=1) as world:
        capacity = {"status": {"capacity": {GPU: "1000"}, "allocatable": {GPU: "1000"}}}
        world.run(world.client.patch("Node", "node-0", patch=capacity, subresource="status"))
        world.apply([priority(f"p{value}", value) for value in (1, 2, 3, 4)])
        for number, (replicas, amount) in enumerate([(5, "200"), (4, "300"), (1, "450")], 1):
            world.apply(replica_set(f"rs-{number}", f"p{number}", replicas if number == 1 else 1, amount))
            world.settle()
        running: dict[str, int] = {}
        for each in world.pods("default"):
            if each["spec"].get("nodeName") and not each["metadata"].get("deletionTimestamp"):
                app = each["metadata"]["labels"]["app"]
                running[app] = running.get(app, 0) + 1
        assert running == {"rs-1": 1, "rs-2": 1, "rs-3": 1}, "450 + 300 leave room for one of 200"


def replica_set(name: str, priority_class: str, replicas: int, amount: str) -> dict[str, Any]:
    resources = {"requests": {GPU: amount}, "limits": {GPU: amount}}
    spec = {
        "priorityClassName": priority_class,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": "nginx", "resources": resources}],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    }


def test_a_budget_is_violated_only_where_nothing_else_helps() -> None:
    with World(nodes=2) as world:
        world.apply(PRIORITIES)
        budget = {"selector": {"matchLabels": {"name": "guarded"}}, "minAvailable": 1}
        world.apply(
            {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": budget}
        )
        run_all(world, pod("guarded", "low"), pod("free", "medium"))
        world.settle()
        world.apply(pod("first", "high"))
        world.wait_for("Pod", "first", within=120)
        assert there(world) == {"guarded", "first"}, "the budget outweighs the lower priority"
        world.apply(pod("second", "high"))
        world.wait_for("Pod", "second", within=120)
        assert there(world) == {"first", "second"}, "budgets are respected as far as possible"


def test_a_pod_that_never_preempts_waits() -> None:
    with World(nodes=1) as world:
        world.apply([*PRIORITIES, priority("polite", 5000, preemptionPolicy="Never")])
        run_all(world, pod("low", "low"))
        world.apply(pod("waits", "polite"))
        why = "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
        said = f"0/1 nodes are available: 1 Insufficient cpu. {why}"
        assert world.wait_until(lambda: message(world, "waits")) == said
        world.advance(60)
        assert there(world) == {"low", "waits"}


def test_nobody_takes_the_room_that_is_being_made() -> None:
    """A less important pod that comes while the victim is leaving does not get its place."""
    with World(nodes=1) as world:
        world.apply(PRIORITIES)
        run_all(world, pod("victim", "low"))
        world.apply([pod("preemptor", "high"), pod("opportunist", "medium")])
        world.wait_for("Pod", "preemptor", within=120)
        assert not node_of(world, "opportunist")


def test_room_is_kept_from_less_important_pods_only_though_others_may_not_preempt() -> None:
    with World(nodes=1) as world:
        world.apply([*PRIORITIES, priority("polite", 5000, preemptionPolicy="Never")])
        world.apply([priority("shy", 500, preemptionPolicy="Never")])
        run_all(world, pod("victim", "low"))
        world.apply([pod("preemptor", "high"), pod("waits", "polite"), pod("lesser", "shy")])
        world.wait_for("Pod", "waits", within=120)
        world.settle()
        assert not node_of(world, "preemptor") and not node_of(world, "lesser")
        world.delete("Pod", "waits")
        world.wait_for("Pod", "preemptor", within=120)
        assert not node_of(world, "lesser")


def test_a_still_more_important_pod_takes_it_over() -> None:
    with World(nodes=1) as world:
        world.apply([*PRIORITIES, priority("highest", 5000)])
        run_all(world, pod("victim", "low"))
        world.apply([pod("preemptor", "high"), pod("first", "highest")])
        world.wait_for("Pod", "first", within=120)
        world.settle()
        assert not node_of(world, "preemptor")


def test_a_pod_whose_place_is_taken_over_is_not_nominated_any_more() -> None:
    def nominated(name: str) -> str:
        return str(world.get("Pod", name)["status"].get("nominatedNodeName") or "")

    with World(nodes=1) as world:
        world.apply([*PRIORITIES, priority("highest", 5000)])
        run_all(world, pod("victim", "low"))
        world.kill_node("node-0")  # nobody ends the victim
        world.apply(pod("preemptor", "high"))
        world.wait_until(lambda: nominated("preemptor") == "node-0")
        world.apply(pod("first", "highest"))
        world.wait_until(lambda: not nominated("preemptor"), within=5)
        world.wait_until(lambda: nominated("first") == "node-0")


def test_pods_that_keep_others_away_are_victims_too() -> None:
    with World(nodes=1) as world:
        world.apply(PRIORITIES)
        apart = {"labelSelector": {"matchLabels": {"name": "preemptor"}}, "topologyKey": "kubernetes.io/hostname"}
        anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
        run_all(world, pod("hermit", "low", cpu="1", affinity=anti), pod("bystander", "low", cpu="1"))
        world.apply(pod("preemptor", "high", cpu="1"))
        world.wait_for("Pod", "preemptor", within=120)
        assert there(world) == {"bystander", "preemptor"}


@pytest.mark.parametrize("seed", range(3))
def test_it_comes_about_though_requests_fail(seed: int) -> None:
    with World(nodes=2, seed=seed, faults=Faults(watch_lag=1.0, errors=0.1, losses=0.1)) as world:
        world.apply(PRIORITIES)
        world.apply([pod(f"low-{number}", "low", cpu="10") for number in range(6)])
        world.advance(60)
        world.apply([pod(f"high-{number}", "high", cpu="30") for number in range(2)])
        world.wait_until(lambda: all(node_of(world, f"high-{number}") for number in range(2)), within=900)
        assert {node_of(world, f"high-{number}") for number in range(2)} == {"node-0", "node-1"}


@pytest.mark.parametrize("seed", range(2))
def test_nobody_goes_in_vain_though_victims_are_not_reached_at_once(seed: int) -> None:
    with World(nodes=2, seed=seed, faults=Faults(watch_lag=1.0, latency=1.0, errors=0.3)) as world:
        world.apply(PRIORITIES)
        run_all(world, *(pod(f"low-{n}", "low", "7", terminationGracePeriodSeconds=0) for n in range(8)))
        world.apply(pod("preemptor", "high", "25"))
        world.wait_until(lambda: node_of(world, "preemptor"), within=60)
        assert len(there(world)) == 6


def test_the_preemptor_is_not_tried_again_while_its_victims_end() -> None:
    with World(nodes=1) as world:
        world.apply(PRIORITIES)
        run_all(world, pod("victim", "low"))
        world.kill_node("node-0")  # nobody ends the victim
        world.apply(pod("preemptor", "high"))
        world.wait_until(lambda: world.get("Pod", "victim")["metadata"].get("deletionTimestamp"))
        world.advance(20)
        assert message(world, "preemptor") == "0/1 nodes are available: 1 Insufficient cpu."
