"""Evictions through the API: budgets allow, refuse and count them."""

from __future__ import annotations

import pytest

from podo.api.errors import ApiError
from podo.api.meta import name_of
from podo.lab import World

from .conftest import deployment


def budget(name: str = "web", **spec: object) -> dict:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


def evict(world: World, pod: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}}
    world.run(world.client.create(body, subresource="eviction"))


def test_a_budget_allows_one_at_a_time() -> None:
    with World(nodes=2) as world:
        world.apply(deployment(replicas=3))
        world.apply(budget(maxUnavailable=1))
        world.wait_until(lambda: world.get("PodDisruptionBudget", "web")["status"]["disruptionsAllowed"] == 1)
        first, second, _ = [name_of(pod) for pod in world.pods()]
        evict(world, first)
        with pytest.raises(ApiError) as refused:
            evict(world, second)
        assert refused.value.code == 429
        assert refused.value.message == "Cannot evict pod as it would violate the pod's disruption budget."
        (cause,) = (refused.value.details or {})["causes"]
        assert cause["reason"] == "DisruptionBudget"
        world.wait_until(lambda: world.get("PodDisruptionBudget", "web")["status"]["disruptionsAllowed"] == 1)
        evict(world, second)
        world.settle()
        names = {name_of(pod) for pod in world.pods()}
        assert len(names) == 3 and not names & {first, second}


def test_without_a_budget_an_eviction_is_a_delete() -> None:
    with World() as world:
        world.apply(deployment(replicas=1))
        world.wait_for("Deployment", "web", condition="Available")
        (pod,) = world.pods()
        evict(world, name_of(pod))
        world.settle()
        assert name_of(pod) not in {name_of(other) for other in world.pods()}
        with pytest.raises(ApiError) as gone:
            evict(world, name_of(pod))
        assert gone.value.reason == "NotFound"


@pytest.mark.parametrize(("policy", "allowed"), [("AlwaysAllow", True), ("IfHealthyBudget", False)])
def test_unhealthy_pods(policy: str, allowed: bool) -> None:
    with World() as world:
        never = deployment(replicas=2)
        never["spec"]["template"]["metadata"]["annotations"] = {"podo.dev/ready-after": "100000"}
        probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
        never["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
        world.apply(never)
        world.apply(budget(minAvailable=1, unhealthyPodEvictionPolicy=policy))
        world.settle()
        (pod, _) = world.pods()
        if allowed:
            evict(world, name_of(pod))
        else:
            with pytest.raises(ApiError):
                evict(world, name_of(pod))


def test_two_budgets_are_refused() -> None:
    with World() as world:
        world.apply(deployment(replicas=1))
        world.apply([budget(maxUnavailable=1), budget("other", maxUnavailable=1)])
        world.wait_for("Deployment", "web", condition="Available")
        with pytest.raises(ApiError, match="more than one PodDisruptionBudget"):
            evict(world, name_of(world.pods()[0]))
