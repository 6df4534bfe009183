"""In-place resizes in a whole cluster: the node grants them or says why not, and the scheduler counts what is held."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.meta import condition_of
from podo.lab import World


def pod(name: str = "web", policy: str = "NotRequired", cpu: str = "4", **spec: Any) -> dict[str, Any]:
    amounts = {"cpu": cpu, "memory": "1Gi"}
    container = {
        "name": "main",
        "image": "nginx:1.14.2",
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "resizePolicy": [{"resourceName": "cpu", "restartPolicy": policy}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"nodeName": "node-0", "containers": [container], **spec},
    }


def resize(world: World, cpu: str, name: str = "web") -> None:
    amounts = {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}
    patch = {"spec": {"containers": [{"name": "main", "resources": amounts}]}}
    work = world.client.patch("Pod", name, "default", patch=patch, type="strategic", subresource="resize")
    world.run(work)


def main(world: World, name: str = "web") -> dict[str, Any]:
    (status,) = world.get("Pod", name)["status"]["containerStatuses"]
    return status


def given(world: World, name: str = "web") -> tuple[str, str, str]:
    """CPU that the container was granted, has, and is limited to."""
    status = main(world, name)
    resources = status["resources"]
    return status["allocatedResources"]["cpu"], resources["requests"]["cpu"], resources["limits"]["cpu"]


@pytest.mark.parametrize("cpu", ["6", "2"])
def test_a_running_container_gets_more_or_less(cpu: str) -> None:
    with World() as world:
        world.apply(pod())
        container_id = world.wait_for("Pod", "web")["status"]["containerStatuses"][0]["containerID"]
        resize(world, cpu)
        world.wait_until(lambda: given(world) == (cpu, cpu, cpu))
        found = world.get("Pod", "web")
        assert main(world)["containerID"] == container_id and main(world)["restartCount"] == 0
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 2
        types = [condition["type"] for condition in found["status"]["conditions"]]
        assert "PodResizePending" not in types and "PodResizeInProgress" not in types
        assert found["status"]["qosClass"] == "Guaranteed" and "resize" not in found["status"]
        assert [event["reason"] for event in world.events("web")][-2:] == ["ResizeStarted", "ResizeCompleted"]


def amounts(cpu: str, memory: str, guaranteed: bool) -> dict[str, Any]:
    """Requests, and limits of the same or of twice as much CPU."""
    limit = cpu if guaranteed else f"{2 * int(cpu.removesuffix('m'))}m"
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": limit, "memory": memory}}


@pytest.mark.parametrize("guaranteed", [True, False])
@pytest.mark.parametrize(
    "wanted",
    [
        {"a": ("200m", "20Mi"), "b": ("300m", "30Mi"), "c": ("100m", "10Mi")},
        {"a": ("50m", "5Mi"), "b": ("100m", "10Mi"), "c": ("90m", "9Mi")},
        {"a": ("200m", "5Mi"), "b": ("50m", "40Mi")},
        {"c": ("101m", "11Mi")},
    ],
    ids=["more", "less", "more and less", "one"],
)
def test_containers_of_one_pod_are_resized_together(wanted: dict[str, tuple[str, str]], guaranteed: bool) -> None:
    before = {name: amounts("100m", "10Mi", guaranteed) for name in "abc"}
    made = pod()
    made["spec"]["containers"] = [{"name": n, "image": "nginx:1.14.2", "resources": before[n]} for n in before]
    with World() as world:
        world.apply(made)
        world.wait_for("Pod", "web")
        after = before | {name: amounts(*each, guaranteed) for name, each in wanted.items()}
        for goal in (after, before):
            containers = [{"name": name, "resources": resources} for name, resources in goal.items()]
            patch = {"spec": {"containers": containers}}
            work = world.client.patch("Pod", "web", "default", patch=patch, type="strategic", subresource="resize")
            world.run(work)

            def has(goal: dict[str, Any] = goal) -> bool:
                statuses = world.get("Pod", "web")["status"]["containerStatuses"]
                return {each["name"]: each["resources"] for each in statuses} == goal

            world.wait_until(has)
        statuses = world.get("Pod", "web")["status"]["containerStatuses"]
        assert [each["restartCount"] for each in statuses] == [0, 0, 0]


def test_the_same_amount_in_other_words_is_no_resize() -> None:
    with World() as world:
        world.apply(pod(policy="RestartContainer"))
        world.wait_for("Pod", "web")
        resize(world, "4000m")
        world.settle()
        assert world.get("Pod", "web")["metadata"]["generation"] == 1 and main(world)["restartCount"] == 0


@pytest.mark.parametrize("restarts", ["Always", "OnFailure"])
def test_a_container_may_want_to_be_restarted_for_it(restarts: str) -> None:
    with World() as world:
        world.apply(pod(policy="RestartContainer", restartPolicy=restarts))
        before = world.wait_for("Pod", "web")["status"]["containerStatuses"][0]["containerID"]
        resize(world, "6")
        world.wait_until(lambda: main(world)["restartCount"] == 1 and given(world) == ("6", "6", "6"))
        world.settle()
        assert main(world)["containerID"] != before and main(world)["ready"]
        assert world.get("Pod", "web")["status"]["phase"] == "Running"


def test_what_the_node_does_not_have_is_infeasible_and_can_be_taken_back() -> None:
    with World() as world:
        world.apply(pod())
        world.wait_for("Pod", "web")
        resize(world, "33")
        pending = world.wait_until(lambda: condition_of(world.get("Pod", "web"), "PodResizePending"))
        assert (pending["status"], pending["reason"], pending["observedGeneration"]) == ("True", "Infeasible", 2)
        assert pending["message"] == "Node didn't have enough capacity: cpu, requested: 33000, capacity: 32000"
        assert given(world) == ("4", "4", "4")
        assert "ResizeInfeasible" in [event["reason"] for event in world.events("web")]
        resize(world, "4")
        world.wait_until(lambda: condition_of(world.get("Pod", "web"), "PodResizePending") is None)


def test_it_waits_for_room() -> None:
    with World() as world:
        world.apply([pod(), pod("other", cpu="24")])
        world.wait_for("Pod", "web")
        world.wait_for("Pod", "other")
        resize(world, "10")
        pending = world.wait_until(lambda: condition_of(world.get("Pod", "web"), "PodResizePending"))
        assert pending["reason"] == "Deferred"
        why = "Node didn't have enough resource: cpu, requested: 10000, used: 24000, capacity: 32000"
        assert pending["message"] == why
        world.delete("Pod", "other")
        world.wait_until(lambda: given(world) == ("10", "10", "10"), within=60)
        assert condition_of(world.get("Pod", "web"), "PodResizePending") is None


def test_a_restarted_node_knows_what_it_has_granted() -> None:
    with World() as world:
        world.apply([pod(), pod("other", cpu="24")])
        world.wait_for("Pod", "web")
        resize(world, "10")
        world.wait_until(lambda: condition_of(world.get("Pod", "web"), "PodResizePending"))
        with world.fork() as other:
            other.advance(60)
            assert given(other) == ("4", "4", "4") and main(other)["restartCount"] == 0
            assert condition_of(other.get("Pod", "web"), "PodResizePending")
            other.delete("Pod", "other")
            other.wait_until(lambda: given(other) == ("10", "10", "10"), within=60)


def test_the_scheduler_counts_what_is_asked_for_and_what_is_held() -> None:
    with World() as world:
        world.apply(pod(cpu="20"))
        world.wait_for("Pod", "web")
        resize(world, "30")
        world.wait_until(lambda: given(world)[0] == "30")
        late = pod("late", cpu="8")
        del late["spec"]["nodeName"]
        world.apply(late)
        world.settle()
        assert "nodeName" not in world.get("Pod", "late")["spec"]
        resize(world, "20")
        world.wait_for("Pod", "late")


def test_a_refused_resize_changes_nothing() -> None:
    with World() as world:
        world.apply(pod())
        world.wait_for("Pod", "web")
        patch = {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]}}
        call = world.client.patch("Pod", "web", "default", patch=patch, type="strategic", subresource="resize")
        with pytest.raises(ApiError, match="QOS Class may not change"):
            world.run(call)
        assert world.get("Pod", "web")["metadata"]["generation"] == 1
