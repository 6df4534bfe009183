"""PriorityClasses and RuntimeClasses: what they put into pods, and which pods and classes are refused."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import World, in_world, pod

PODS = "/api/v1/namespaces/default/pods"
PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
RUNTIMES = "/apis/node.k8s.io/v1/runtimeclasses"


def priority_class(name: str, value: int, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
    } | more


def runtime_class(name: str, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": name},
        "handler": "crun",
    } | more


async def made(world: World, name: str = "p", **spec: Any) -> dict[str, Any]:
    status, answer = await world.ask("POST", PODS, pod(name, **spec))
    assert status == 201, answer
    return answer["spec"]


async def refused(world: World, **spec: Any) -> str:
    status, answer = await world.ask("POST", PODS, pod("refused", **spec))
    assert (status, answer["reason"]) == (403, "Forbidden"), answer
    return answer["message"]


def test_a_pods_priority_is_its_classes() -> None:
    async def test(world: World) -> None:
        assert (await made(world, "a"))["priority"] == 0
        await world.ask("POST", PRIORITIES, priority_class("high", 1000, preemptionPolicy="Never"))
        found = await made(world, "b", priorityClassName="high")
        assert (found["priority"], found["preemptionPolicy"]) == (1000, "Never")
        assert (await made(world, "c", priorityClassName="system-node-critical"))["priority"] == 2_000_001_000
        assert "no PriorityClass with name none was found" in await refused(world, priorityClassName="none")
        message = await refused(world, priorityClassName="high", priority=5)
        assert "must not be provided in pod spec" in message and "computed 1000" in message

    in_world(test)


def test_the_default_class_is_for_pods_that_name_none() -> None:
    async def test(world: World) -> None:
        status, _ = await world.ask("POST", PRIORITIES, priority_class("usual", 7, globalDefault=True))
        assert status == 201
        found = await made(world, "a")
        assert (found["priority"], found["priorityClassName"]) == (7, "usual")
        status, answer = await world.ask("POST", PRIORITIES, priority_class("second", 8, globalDefault=True))
        assert status == 403
        assert "PriorityClass usual is already marked as default. Only one default can exist" in answer["message"]
        status, _ = await world.ask("PUT", f"{PRIORITIES}/usual", priority_class("usual", 7, globalDefault=True))
        assert status == 200

    in_world(test)


def test_reserved_and_too_high_priorities() -> None:
    async def test(world: World) -> None:
        for given, why in (
            (priority_class("system-mine", 5), "reserved for system use only"),
            (priority_class("mine", 1_000_000_001), "maximum allowed value of a user defined priority is 1000000000"),
        ):
            status, answer = await world.ask("POST", PRIORITIES, given)
            assert status == 422 and why in answer["message"]

    in_world(test)


def test_a_runtime_class_gives_overhead_selector_and_tolerations() -> None:
    async def test(world: World) -> None:
        toleration = {"key": "sandboxed", "operator": "Exists"}
        scheduling = {"nodeSelector": {"runtime": "crun"}, "tolerations": [toleration]}
        given = runtime_class("fast", overhead={"podFixed": {"memory": "64Mi"}}, scheduling=scheduling)
        status, answer = await world.ask("POST", RUNTIMES, given)
        assert status == 201, answer
        found = await made(world, "a", runtimeClassName="fast", nodeSelector={"disk": "ssd"})
        assert found["overhead"] == {"memory": "64Mi"}
        assert found["nodeSelector"] == {"disk": "ssd", "runtime": "crun"}
        assert toleration in found["tolerations"]
        await made(world, "b", runtimeClassName="fast", overhead={"memory": "65536Ki"})
        message = await refused(world, runtimeClassName="fast", overhead={"memory": "1Mi"})
        assert "Pod's Overhead doesn't match RuntimeClass's defined Overhead" in message
        message = await refused(world, runtimeClassName="fast", nodeSelector={"runtime": "runc"})
        assert "conflict: runtimeClass.scheduling.nodeSelector[runtime] = crun" in message

    in_world(test)


def test_a_runtime_class_must_exist() -> None:
    async def test(world: World) -> None:
        assert 'pod rejected: RuntimeClass "none" not found' in await refused(world, runtimeClassName="none")
        message = await refused(world, overhead={"cpu": "1"})
        assert "Pod Overhead set without corresponding RuntimeClass defined Overhead" in message

    in_world(test)
