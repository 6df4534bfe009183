"""Rows of the inventory about single pods: what a container is run with, and the generation of a pod."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from podo.api.meta import condition_of
from podo.lab import World
from podo.node.environment import environment_of
from podo.node.runtimes.contract import Image
from podo.node.translate import container_spec
from tests.unit.node.pods import pod
from tests.unit.node.test_environment import CAPACITY, Objects

IMAGE = Image("sha256:1", ("busybox:1.28",))


def run_with(container: dict[str, Any], *environment: tuple[str, str]) -> tuple[list[str], list[str]]:
    """Command and arguments that the runtime is asked for."""
    made = pod()
    whole = {**made["spec"]["containers"][0], **container}
    spec = container_spec(made, whole, 0, IMAGE, environment, [], 1 << 30)
    return list(spec.command), list(spec.args)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ([], [])),
        ({"args": ["override", "arguments"]}, ([], ["override", "arguments"])),
        ({"command": ["/agnhost-2"]}, (["/agnhost-2"], [])),
        ({"command": ["/agnhost-2"], "args": ["entrypoint"]}, (["/agnhost-2"], ["entrypoint"])),
    ],
)
def test_commands_and_arguments_replace_the_images(given: dict[str, Any], expected: tuple[list[str], ...]) -> None:
    assert run_with(given) == expected, "what is not given is the image's"


def test_variables_are_put_into_commands_and_arguments() -> None:
    found = run_with({"command": ["sh", "$(A)"], "args": ["$(A)-$(NONE)", "$$(A)"]}, ("A", "1"))
    assert found == (["sh", "1"], ["1-$(NONE)", "$(A)"])


def test_the_environment_of_a_container_without_limits_is_the_nodes() -> None:
    resources = [("CPU", "limits.cpu", "1m"), ("MEMORY", "limits.memory", "1")]
    env: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"resourceFieldRef": {"resource": what, "divisor": divisor}}}
        for name, what, divisor in resources
    ]
    env += [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}
        for name, field in (("HOST", "status.hostIP"), ("HOSTS", "status.hostIPs"), ("IP", "status.podIP"))
    ]
    container = {"name": "web", "env": env}
    found = dict(asyncio.run(environment_of(pod(), container, Objects(), ["10.244.0.2"], "10.0.0.1", CAPACITY)))
    capacity = {"CPU": str(CAPACITY["cpu"]), "MEMORY": str(CAPACITY["memory"])}
    assert found.items() >= {**capacity, "HOST": "10.0.0.1", "HOSTS": "10.0.0.1", "IP": "10.244.0.2"}.items()


# Generation

PLAIN = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "nginx:1"}]},
}


def generations(world: World) -> tuple[int, int]:
    """Of the pod, and the one that its node has seen last."""
    found = world.get("Pod", "web")
    return found["metadata"]["generation"], found["status"].get("observedGeneration", 0)


def change(world: World, patch: dict[str, Any], **options: Any) -> None:
    world.run(world.client.patch("Pod", "web", "default", patch=patch, type="strategic", **options))


def test_the_generation_counts_changes_of_the_spec() -> None:
    with World() as world:
        world.apply(PLAIN)
        world.wait_for("Pod", "web")
        assert generations(world) == (1, 1)
        steps: list[tuple[dict[str, Any], int]] = [
            ({"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}, 2),
            ({"metadata": {"labels": {"a": "b"}}}, 2),
            ({"spec": {"activeDeadlineSeconds": 10_000}}, 3),
            ({"spec": {"activeDeadlineSeconds": 9_000}}, 4),
        ]
        for patch, expected in steps:
            change(world, patch)
            world.wait_until(lambda expected=expected: generations(world) == (expected, expected))
        change(world, {"status": {"message": "m"}}, subresource="status")
        assert generations(world)[0] == 4
        ready = condition_of(world.get("Pod", "web"), "Ready")
        assert ready and ready["observedGeneration"] == 4


def test_five_hundred_changes_are_counted() -> None:
    with World() as world:
        world.apply(PLAIN)
        world.wait_for("Pod", "web")
        for number in range(500):
            change(world, {"spec": {"activeDeadlineSeconds": 10_000 - number}})
        world.wait_until(lambda: generations(world) == (501, 501))


def test_a_graceful_deletion_is_a_change() -> None:
    with World() as world:
        world.apply({**PLAIN, "metadata": {"name": "web", "finalizers": ["example.com/hold"]}})
        world.wait_for("Pod", "web")
        world.delete("Pod", "web")
        world.wait_until(lambda: generations(world) == (2, 2))
        world.run(world.client.patch("Pod", "web", "default", patch={"metadata": {"finalizers": None}}))


def test_a_container_that_is_never_alive_is_restarted_again_and_again() -> None:
    """By a liveness probe over HTTP: at once, then after 10, 20, 40, 80 seconds; the count only grows."""
    probe = {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 3, "failureThreshold": 1}
    container = {"name": "main", "image": "nginx:1.14.2", "livenessProbe": probe}
    metadata = {"name": "web", "annotations": {"podo.dev/ready-after": "100000"}}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    with World(nodes=1, seed=5) as world:
        world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        restarted = []
        for count in range(1, 6):

            def has_restarted(count: int = count) -> bool:
                (status,) = world.get("Pod", "web")["status"].get("containerStatuses") or [{"restartCount": 0}]
                assert status["restartCount"] in (count - 1, count)
                return bool(status["restartCount"] == count)

            world.wait_until(has_restarted, within=240, what=f"restart {count}")
            restarted.append(world.now)
        waits = [later - earlier for earlier, later in pairwise(restarted)]
        assert [round(wait / 10) * 10 for wait in waits] == [10, 20, 40, 80]
        assert "Container main failed liveness probe, will be restarted" in [e["message"] for e in world.events("web")]
