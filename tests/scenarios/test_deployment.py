"""A Deployment's life on a whole cluster: rollout, scaling, an update and its rollback, seen through the API only."""

from __future__ import annotations

import pytest

from podo.lab import Faults, World
from tests.cpu import costs_at_most
from tests.scenarios.conftest import deployment, images


def available(world: World, name: str = "web") -> int:
    return world.get("Deployment", name).get("status", {}).get("availableReplicas", 0)


def test_100_pods_become_available() -> None:
    with World(nodes=3, seed=1, checked=False) as world:
        # The goal is 1 s of an idle machine; this leaves room for a busy one and still fails for a tenfold loss.
        with costs_at_most(4):
            world.apply(deployment(replicas=100))
            world.wait_until(lambda: available(world) == 100, within=60)
        names = {pod["metadata"]["name"] for pod in world.pods(labels="app=web")}
        assert len(names) == 100
        nodes = [pod["spec"]["nodeName"] for pod in world.pods()]
        assert all(25 <= nodes.count(node) <= 45 for node in world.simulation.nodes)
        world.settle()
        assert len(world.pods()) == 100
        condition = {c["type"]: c for c in world.get("deploy", "web")["status"]["conditions"]}
        assert condition["Available"]["reason"] == "MinimumReplicasAvailable"
        assert condition["Progressing"]["reason"] == "NewReplicaSetAvailable"


@pytest.mark.parametrize("seed", range(3))
def test_a_rolling_update_keeps_its_promise_and_can_be_rolled_back(seed: int) -> None:
    slow = {"podo.dev/ready-after": "3"}
    with World(nodes=2, seed=seed) as world:
        manifest = deployment(replicas=8, strategy={"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}})
        manifest["spec"]["template"]["metadata"]["annotations"] = slow
        container = manifest["spec"]["template"]["spec"]["containers"][0]
        container["readinessProbe"] = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}
        world.apply(manifest)
        world.wait_until(lambda: available(world) == 8, within=60)

        container["image"] = "nginx:1.16.1"
        world.apply(manifest)

        def rolled_to(image: str) -> bool:
            alive = [pod for pod in world.pods() if "deletionTimestamp" not in pod["metadata"]]
            assert len(alive) <= 8 + 2, "more than maxSurge"
            assert available(world) >= 8 - 1, "less than maxUnavailable allows"
            status = world.get("Deployment", "web")["status"]
            done = status.get("updatedReplicas") == 8 == status.get("replicas") == status.get("availableReplicas")
            return done and images(alive) == {image}

        world.wait_until(lambda: rolled_to("nginx:1.16.1"), within=300)
        replicasets = world.list("ReplicaSet")
        assert sorted(rs["spec"]["replicas"] for rs in replicasets) == [0, 8]
        revision = world.get("Deployment", "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        assert revision == "2"

        # What `kubectl rollout undo` does: the template of the former ReplicaSet, without its hash.
        container["image"] = "nginx:1.14.2"
        world.apply(manifest)
        world.wait_until(lambda: rolled_to("nginx:1.14.2"), within=300)
        assert len(world.list("ReplicaSet")) == 2, "the former ReplicaSet is used again"
        revision = world.get("Deployment", "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        assert revision == "3"


def test_scaling_up_and_down(world: World) -> None:
    world.apply(deployment(replicas=2))
    world.wait_until(lambda: available(world) == 2)
    world.scale("deployment", "web", 7)
    world.wait_until(lambda: available(world) == 7)
    world.scale("deployment", "web", 0)
    world.wait_until(lambda: not world.pods(), within=120)
    reasons = [event["reason"] for event in world.events("web")]
    assert "ScalingReplicaSet" in reasons
    assert "SuccessfulDelete" in reasons


def test_a_deleted_pod_is_replaced(world: World) -> None:
    world.apply(deployment(replicas=3))
    world.wait_until(lambda: available(world) == 3)
    victim = world.pods()[0]["metadata"]["name"]
    world.delete("pod", victim)
    world.wait_for("Pod", victim, condition="delete")
    world.wait_until(lambda: available(world) == 3)
    assert victim not in {pod["metadata"]["name"] for pod in world.pods()}


def test_deleting_a_deployment_takes_everything_with_it(world: World) -> None:
    world.apply(deployment(replicas=5))
    world.wait_until(lambda: available(world) == 5)
    world.delete("Deployment", "web", propagation="Background")
    world.wait_until(lambda: not world.pods() and not world.list("ReplicaSet"), within=120)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_made_twice_when_watches_lag_and_requests_fail(seed: int) -> None:
    faults = Faults()
    with World(nodes=2, seed=seed, faults=faults) as world:
        faults.watch_lag, faults.errors, faults.losses = 2.0, 0.1, 0.1
        world.apply(deployment(replicas=20))
        most = 0
        for _ in range(120):
            world.advance(1)
            most = max(most, len(world.pods()))
        assert most == 20
        faults.watch_lag = faults.errors = faults.losses = 0.0
        world.wait_until(lambda: available(world) == 20, within=300)
        assert len(world.list("ReplicaSet")) == 1
