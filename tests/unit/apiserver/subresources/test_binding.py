"""Many bindings at once: each is what it would be alone, and those that fail keep none of the others up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.meta import condition_of
from podo.apiserver.local import LocalClient
from tests.unit.apiserver.world import World, in_world, pod


def binding(name: str, node: str = "n1", **metadata: Any) -> dict[str, Any]:
    found = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": "v1", "kind": "Binding", "metadata": found, "target": {"kind": "Node", "name": node}}


def reasons(outcomes: list[ApiError | None]) -> list[str]:
    return ["" if outcome is None else outcome.reason for outcome in outcomes]


def without_identity(obj: dict[str, Any]) -> dict[str, Any]:
    different = ("name", "uid", "resourceVersion", "creationTimestamp", "managedFields")
    metadata = {name: value for name, value in obj["metadata"].items() if name not in different}
    conditions = [{**each, "lastTransitionTime": ""} for each in obj["status"]["conditions"]]
    status = {**obj["status"], "conditions": conditions}
    volumes = [volume["name"][:15] for volume in obj["spec"].pop("volumes", ())]
    containers = [{**each, "volumeMounts": len(each.get("volumeMounts", ()))} for each in obj["spec"]["containers"]]
    return {
        **obj,
        "metadata": metadata,
        "status": status,
        "spec": {**obj["spec"], "containers": containers, "v": volumes},
    }


def test_a_pod_bound_with_others_is_like_one_bound_alone() -> None:
    async def test(world: World) -> None:
        for name in ("alone", "one", "two"):
            await world.client.create(pod(name))
        await world.client.create(binding("alone", annotations={"a": "b"}), subresource="binding")
        bindings = [binding("one", annotations={"a": "b"}), binding("two", "n2")]
        assert await world.client.bind_all(bindings) == [None, None]
        alone, one, two = [await world.client.get("Pod", name, "default") for name in ("alone", "one", "two")]
        assert without_identity(one) == without_identity(alone)
        assert two["spec"]["nodeName"] == "n2" and (condition_of(two, "PodScheduled") or {})["status"] == "True"

    in_world(test)


def test_each_failure_is_its_own() -> None:
    async def test(world: World) -> None:
        made = {name: await world.client.create(pod(name)) for name in ("good", "bound", "other", "untargeted")}
        await world.client.create(binding("bound"), subresource="binding")
        right = made["good"]["metadata"]["uid"]
        bindings = [
            *(binding("absent"), binding("bound", "n2"), binding("other", uid="not-its"), binding("good", uid=right)),
            {**binding("untargeted"), "target": {}},
        ]
        outcomes = await world.client.bind_all(bindings)
        assert reasons(outcomes) == ["NotFound", "Conflict", "Conflict", "", "Invalid"]
        assert outcomes[1] is not None and 'is already assigned to node "n1"' in outcomes[1].message
        assert (await world.client.get("Pod", "good", "default"))["spec"]["nodeName"] == "n1"
        assert "nodeName" not in (await world.client.get("Pod", "other", "default"))["spec"]

    in_world(test)


def test_pods_that_change_meanwhile_are_bound_once() -> None:
    async def test(world: World) -> None:
        for number in range(20):
            await world.client.create(pod(f"p{number}"))
        label = {"metadata": {"labels": {"x": "y"}}}
        changes = [world.client.patch("Pod", f"p{n}", "default", patch=label) for n in range(20)]
        twice = [world.client.bind_all([binding(f"p{n}", node) for n in range(20)]) for node in ("n1", "n2")]
        (first, second), _ = await asyncio.gather(asyncio.gather(*twice), asyncio.gather(*changes))
        for number in range(20):
            found = await world.client.get("Pod", f"p{number}", "default")
            assert found["metadata"]["labels"]["x"] == "y"
            winners = [node for node, outcomes in (("n1", first), ("n2", second)) if outcomes[number] is None]
            assert winners == [found["spec"]["nodeName"]]

    in_world(test)


def test_what_is_read_is_not_changed_in_place() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        key = "/core/pods/default/web"
        before = await world.store.get(key)
        await world.client.bind_all([binding("web")])
        after = await world.store.get(key)
        assert before is not None and after is not None and b"nodeName" not in before.value
        assert after.value.count(b'"nodeName":"n1"') == 1 and after.revision > before.revision

    in_world(test)


def test_who_may_not_bind_binds_none() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        nobody = LocalClient(world.server, "nobody", ())
        assert reasons(await nobody.bind_all([binding("web"), binding("absent")])) == ["Forbidden", "Forbidden"]
        assert "nodeName" not in (await world.client.get("Pod", "web", "default"))["spec"]

    in_world(test)


ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"


async def add_node(world: World, name: str, **labels: str) -> None:
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}}
    await world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": metadata})


async def labels_of(world: World, name: str) -> Any:
    return (await world.client.get("Pod", name, "default"))["metadata"].get("labels")


def test_a_pod_gets_the_zone_and_the_region_of_its_node() -> None:
    async def test(world: World) -> None:
        await add_node(world, "n1", **{ZONE: "a", REGION: "r", "topology.kubernetes.io/rack": "7"})
        for name in ("alone", "one", "two"):
            metadata = {"name": name, "namespace": "default", "labels": {"app": "x", ZONE: "old"}}
            await world.client.create({**pod(name), "metadata": metadata})
        await world.client.create(binding("alone", labels={"by": "me"}), subresource="binding")
        assert await world.client.bind_all([binding("one"), binding("two")]) == [None, None]
        topology = {ZONE: "a", REGION: "r"}
        assert await labels_of(world, "alone") == {"app": "x", "by": "me", **topology}
        for name in ("one", "two"):
            assert await labels_of(world, name) == {"app": "x", **topology}

    in_world(test)


def test_a_pod_that_names_its_node_gets_them_as_it_is_created() -> None:
    async def test(world: World) -> None:
        await add_node(world, "n1", **{ZONE: "a"})
        await add_node(world, "plain")
        for name, node, expected in (("p1", "n1", {ZONE: "a"}), ("p2", "plain", None), ("p3", "absent", None)):
            await world.client.create(pod(name, nodeName=node))
            assert await labels_of(world, name) == expected
        await world.client.create(pod("p4"))
        assert await world.client.bind_all([binding("p4", "absent")]) == [None]
        assert await labels_of(world, "p4") is None

    in_world(test)


def test_a_binding_may_say_which_version_of_the_pod_it_means() -> None:
    async def test(world: World) -> None:
        version = (await world.client.create(pod("p")))["metadata"]["resourceVersion"]
        target = "/api/v1/namespaces/default/pods/p/binding"
        status, answer = await world.ask("POST", target, binding("p", resourceVersion="1"))
        assert status == 409 and "ResourceVersion in precondition: 1, " in answer["message"]
        assert (await world.ask("POST", target, binding("p", resourceVersion=version)))[0] == 201

    in_world(test)


@pytest.mark.parametrize("metadata", [{"annotations": ["a"]}, {"labels": {"a": 1}}, {"uid": 7}])
def test_a_binding_has_the_shape_of_one(metadata: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("p"))
        status, answer = await world.ask("POST", "/api/v1/namespaces/default/pods/p/binding", binding("p", **metadata))
        assert (status, answer["reason"]) == (400, "BadRequest")

    in_world(test)
