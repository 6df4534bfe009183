"""The scheduler in a whole cluster: what it tells, what wakes waiting pods, and what happens when bindings fail."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.meta import condition_of, name_of
from podo.lab import Faults, World
from tests.scenarios.explaining import told as why


def pod(name: str, cpu: str = "100m", **spec: object) -> dict:
    container = {"name": "c", "image": "nginx:1.14.2", "resources": {"requests": {"cpu": cpu}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def told(world: World, name: str, reason: str) -> list[str]:
    return [event["message"] for event in world.events(name) if event["reason"] == reason]


def is_placed(world: World, name: str) -> bool:
    return bool(world.get("Pod", name)["spec"].get("nodeName"))


def test_it_tells_where_a_pod_went() -> None:
    with World() as world:
        world.apply(pod("web"))
        world.wait_for("Pod", "web", condition="Ready")
        node = world.get("Pod", "web")["spec"]["nodeName"]
        assert told(world, "web", "Scheduled") == [f"Successfully assigned default/web to {node}"]
        scheduled = condition_of(world.get("Pod", "web"), "PodScheduled")
        assert scheduled and scheduled["status"] == "True"


def test_it_tells_why_a_pod_waits_and_places_it_when_it_can() -> None:
    with World(nodes=2) as world:
        world.apply([pod("big-0", "20"), pod("big-1", "20")])
        world.settle()
        world.apply(pod("waits", "20"))
        world.settle()
        message = (
            "0/2 nodes are available: 2 Insufficient cpu. "
            "no new claims to deallocate, "
            "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
        )
        condition = condition_of(world.get("Pod", "waits"), "PodScheduled")
        assert condition and (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"] == message
        assert told(world, "waits", "FailedScheduling") == [message]
        world.delete("Pod", "big-0")
        world.wait_until(lambda: is_placed(world, "waits"), within=15)


@pytest.mark.parametrize("what", ["node", "label", "uncordon"])
def test_changes_of_nodes_wake_pods(what: str) -> None:
    with World(nodes=1) as world:
        node = name_of(world.list("Node")[0])
        selector: Any = {"nodeSelector": {"disk": "ssd"}} if what == "label" else {}
        if what != "label":
            world.run(world.client.patch("Node", node, patch={"spec": {"unschedulable": True}}))
            world.settle()
        world.apply(pod("waits", **selector))
        world.settle()
        assert not is_placed(world, "waits")
        if what == "node":
            world.add_node()
        elif what == "label":
            world.run(world.client.patch("Node", node, patch={"metadata": {"labels": {"disk": "ssd"}}}))
        else:
            world.run(world.client.patch("Node", node, patch={"spec": {"unschedulable": None}}))
        world.wait_until(lambda: is_placed(world, "waits"), within=20)


def test_gated_pods_and_those_of_other_schedulers_are_left_alone() -> None:
    with World() as world:
        world.apply([pod("gated", schedulingGates=[{"name": "example.com/g"}]), pod("other", schedulerName="mine")])
        world.advance(30)
        assert not is_placed(world, "gated") and not is_placed(world, "other")
        (told,) = world.get("Pod", "gated")["status"]["conditions"]
        assert (told["type"], told["status"], told["reason"]) == ("PodScheduled", "False", "SchedulingGated")
        assert told["message"] == "Scheduling is blocked due to non-empty scheduling gates"
        world.run(world.client.patch("Pod", "gated", "default", patch={"spec": {"schedulingGates": None}}))
        world.wait_until(lambda: is_placed(world, "gated"))
        world.wait_for("Pod", "gated")
        told = condition_of(world.get("Pod", "gated"), "PodScheduled") or {}
        assert told["status"] == "True" and not told.get("reason")


@pytest.mark.parametrize("seed", range(3))
def test_nodes_are_never_overfull_though_requests_fail(seed: int) -> None:
    """Answers get lost and requests fail: a binding may or may not have been carried out."""
    with World(nodes=3, seed=seed, faults=Faults(watch_lag=2.0, errors=0.1, losses=0.2)) as world:
        world.apply([pod(f"p{number}", "5") for number in range(24)])
        world.advance(120)
        cpu: dict[str, int] = {}
        for each in world.pods("default"):
            node = each["spec"].get("nodeName")
            if node:
                cpu[node] = cpu.get(node, 0) + 5
        assert sorted(cpu.values()) == [30, 30, 30], "32 CPUs take six of five each"


def _no_binding_of(name: str) -> list[dict]:
    """A policy that refuses to bind the pod of this name."""
    version, meta = "admissionregistration.k8s.io/v1", {"name": "no-binding"}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/binding"]}
    says = [{"expression": f"object.metadata.name != '{name}'", "message": "not this one"}]
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": says}
    bound = {"policyName": "no-binding", "validationActions": ["Deny"]}
    return [
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": spec},
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta, "spec": bound},
    ]


def test_a_binding_that_is_refused_is_told_and_its_room_is_for_others() -> None:
    with World(nodes=1) as world:
        world.apply(_no_binding_of("refused"))
        world.apply([pod("refused", "20"), pod("waits", "20")])
        world.wait_until(lambda: is_placed(world, "waits"), within=5)
        condition = condition_of(world.get("Pod", "refused"), "PodScheduled") or {}
        (text,) = told(world, "refused", "FailedScheduling")[:1]
        assert text.startswith('running Bind plugin "DefaultBinder": ') and "not this one" in text
        assert (condition["status"], condition["reason"]) in {("False", "SchedulerError"), ("False", "Unschedulable")}
        world.delete("Pod", "waits")
        world.wait_until(lambda: "the last attempt failed: running Bind" in why(world, "Pod", "refused"), within=60)
