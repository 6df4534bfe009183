"""What a client is told of patches that cannot be read, do not fit, or make something else of the object."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.world import World, in_world

WEB = "/apis/apps/v1/namespaces/default/deployments/web"
REJECTED = "the server rejected our request due to an error in our request"


def deployment() -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    metadata = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


async def patched(world: World, form: str, patch: Any, query: str = "") -> tuple[int, Any]:
    return await world.ask("PATCH", f"{WEB}{query}", patch, content_type=f"application/{form}-patch+json")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/replicas", "value": 7},
        {"op": "remove", "path": "/spec/none"},
        {"op": "add", "path": "/none/a", "value": 1},
        {"op": "odd", "path": "/spec"},
    ],
)
def test_of_a_json_patch_that_does_not_fit_no_more_is_told(operation: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        await world.client.create(deployment())
        status, answer = await patched(world, "json", [operation])
        assert (status, answer["reason"], answer["message"], answer["details"]) == (422, "Invalid", REJECTED, {})

    in_world(test)


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({}, "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ([7], "json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        ([{"op": 7}], "json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string"),
    ],
)
def test_a_json_patch_that_is_none(patch: Any, why: str) -> None:
    async def test(world: World) -> None:
        await world.client.create(deployment())
        status, answer = await patched(world, "json", patch)
        assert (status, answer["reason"], answer["message"]) == (400, "BadRequest", f"error decoding patch: {why}")
        assert (await patched(world, "json", {}, "?fieldValidation=Ignore"))[0] == 400

    in_world(test)


def test_too_many_operations() -> None:
    async def test(world: World) -> None:
        await world.client.create(deployment())
        status, answer = await patched(world, "json", [{"op": "test", "path": "/spec/paused"}] * 10_001)
        why = "The allowed maximum operations in a JSON patch is 10000, got 10001"
        assert (status, answer["message"]) == (413, f"Request entity too large: {why}")

    in_world(test)


def test_members_that_an_operation_has_not() -> None:
    async def test(world: World) -> None:
        await world.client.create(deployment())
        patch = [{"op": "add", "path": "/spec/paused", "value": True, "why": "odd"}]
        target, media = f"{WEB}?fieldValidation=", "application/json-patch+json"
        found = await world.answer("PATCH", f"{target}Warn", patch, content_type=media)
        assert ("Warning", '299 - "json patch unknown field \\"[0].why\\""') in found.headers
        status, answer = await patched(world, "json", patch, "?fieldValidation=Strict")
        assert status == 422
        assert answer["message"].endswith('strict decoding error: json patch unknown field "[0].why"')

    in_world(test)


def test_a_result_that_is_not_of_the_form_is_shown() -> None:
    async def test(world: World) -> None:
        await world.client.create(deployment())
        wrong = {"spec": {"replicas": "x", "paused": True, "strategy": None}}
        why = "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        status, answer = await patched(world, "merge", wrong)
        assert (status, answer["reason"]) == (422, "Invalid")
        assert answer["message"].startswith(' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"apps/v1\\"')
        assert answer["message"].endswith(f": {why}")
        (cause,) = answer["details"]["causes"]
        assert (cause["reason"], cause["field"]) == ("FieldValueInvalid", "patch")
        status, answer = await patched(world, "strategic-merge", wrong)
        shown = "map[spec:map[paused:true replicas:x strategy:<nil>]]"
        assert (status, answer["message"]) == (422, f' "" is invalid: patch: Invalid value: "{shown}": {why}')
        status, answer = await patched(world, "strategic-merge", {"spec": {"odd": [1]}}, "?fieldValidation=Strict")
        assert status == 422
        assert answer["message"].endswith('"map[spec:map[odd:[1]]]": strict decoding error: unknown field "spec.odd"')

    in_world(test)


@pytest.mark.parametrize(
    ("metadata", "status", "message"),
    [
        ({"name": "b"}, 400, "the name of the object (b) does not match the name on the URL (web)"),
        ({"name": None}, 400, "the name of the object (web based on URL) was undeterminable: name must be provided"),
        (
            {"namespace": "b"},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"uid": "b"},
            422,
            'Deployment.apps "web" is invalid: metadata.uid: Invalid value: "b": field is immutable',
        ),
    ],
)
def test_a_patch_makes_no_other_object_of_it(metadata: dict[str, Any], status: int, message: str) -> None:
    async def test(world: World) -> None:
        await world.client.create(deployment())
        found, answer = await patched(world, "merge", {"metadata": metadata})
        assert (found, answer["message"]) == (status, message)

    in_world(test)


def test_what_a_patch_may_leave_out_of_the_identity() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(deployment())
        for metadata in ({"namespace": None}, {"uid": None}):
            status, found = await patched(world, "merge", {"metadata": metadata})
            assert status == 200 and found["metadata"]["uid"] == made["metadata"]["uid"]
        status, answer = await patched(world, "merge", [])
        why = "json: cannot unmarshal array into Go value of type map[string]interface {}"
        assert (status, answer["message"]) == (400, f"error decoding patch: {why}")

    in_world(test)
