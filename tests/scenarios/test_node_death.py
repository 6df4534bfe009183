"""A machine dies: the cluster finds out by itself and runs its pods elsewhere."""

from __future__ import annotations

import pytest

from podo.api.meta import condition_of
from podo.lab import World
from tests.scenarios.conftest import deployment, running_nodes


@pytest.mark.parametrize("seed", range(2))
def test_the_pods_of_a_dead_node_are_replaced(seed: int) -> None:
    with World(nodes=3, seed=seed) as world:
        world.apply(deployment(replicas=9))
        world.wait_until(lambda: world.get("Deployment", "web")["status"].get("availableReplicas") == 9)
        assert "node-1" in running_nodes(world.pods())
        world.kill_node("node-1")

        # Nobody has noticed yet.
        world.advance(30)
        assert condition_of(world.get("Node", "node-1"), "Ready")["status"] == "True"
        # After 50 s without a heartbeat (node-monitor-grace-period): Unknown, and tainted.
        world.wait_until(lambda: condition_of(world.get("Node", "node-1"), "Ready")["status"] == "Unknown", within=40)
        taints = {taint["key"] for taint in world.get("Node", "node-1")["spec"].get("taints", ())}
        assert "node.kubernetes.io/unreachable" in taints
        # Pods tolerate that for 300 s.
        world.advance(240)
        assert "node-1" in running_nodes(world.pods())

        def replaced() -> bool:
            nodes = running_nodes(world.pods())
            return len(nodes) == 9 and "node-1" not in nodes

        world.wait_until(replaced, within=120)
        world.wait_until(lambda: world.get("Deployment", "web")["status"].get("availableReplicas") == 9)

        world.start_node("node-1")
        world.wait_for("Node", "node-1")
        world.wait_until(lambda: len(world.pods()) == 9, within=120, what="the dead pods are cleared away")


def test_pods_wait_and_say_why_while_there_is_no_room() -> None:
    with World(nodes=0) as world:
        world.apply(deployment(replicas=2))
        world.settle()
        assert "0/0 nodes" in world.why() or "no nodes" in world.why()
        world.add_node()
        world.wait_for("Deployment", "web", condition="Available")


def test_a_node_that_was_cut_off_for_two_minutes_keeps_its_pods() -> None:
    with World(nodes=2) as world:
        world.apply(deployment(replicas=4))
        world.wait_for("Deployment", "web", condition="Available")
        before = {pod["metadata"]["uid"] for pod in world.pods()}
        elsewhere = running_nodes(world.pods()).count("node-1")
        assert 0 < elsewhere < 4
        world.cut_off("node-0")
        world.wait_until(lambda: condition_of(world.get("Node", "node-0"), "Ready")["status"] == "Unknown", within=90)
        world.advance(60)
        assert world.get("Deployment", "web")["status"]["availableReplicas"] == elsewhere
        world.reconnect("node-0")
        world.wait_for("Node", "node-0", within=30)
        world.wait_until(lambda: world.get("Deployment", "web")["status"].get("availableReplicas") == 4, within=30)
        assert {pod["metadata"]["uid"] for pod in world.pods()} == before
        restarts = [s["restartCount"] for pod in world.pods() for s in pod["status"]["containerStatuses"]]
        assert restarts == [0] * 4
        assert not world.get("Node", "node-0")["spec"].get("taints")


def test_a_node_whose_object_is_deleted_registers_again_at_once() -> None:
    with World() as world:
        before = world.get("Node", "node-0")["metadata"]["uid"]
        world.advance(3600)
        world.delete("Node", "node-0")
        world.wait_for("Node", "node-0", within=30)
        assert world.get("Node", "node-0")["metadata"]["uid"] != before


def test_days_without_anything_to_do_cost_nothing_and_nodes_stay_ready() -> None:
    with World(nodes=3) as world:
        world.settle()
        world.advance(3700)  # the Events of the start last an hour
        revision = world.simulation.store.revision
        world.advance(3600)
        assert world.simulation.store.revision == revision, "no heartbeat is written one by one"
        world.advance(3 * 24 * 3600)
        ready = [condition_of(node, "Ready") for node in world.list("Node")]
        assert [condition and condition["status"] for condition in ready] == ["True"] * 3
        world.kill_node("node-1")
        world.wait_until(lambda: condition_of(world.get("Node", "node-1"), "Ready")["status"] == "Unknown", within=60)
