"""Many bindings at once: each is what it would be alone, and those that fail keep none of the others up."""

from __future__ import annotations

import asyncio
from typing import Any

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
