"""What definitions and custom resources are refused for beside their schemas; and numbers as others write them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.apiserver.extension.definitions import (
    CRONTABS,
    DEFINITIONS,
    MERGE,
    Extended,
    Obj,
    crontab,
    definition,
    extended,
)

NAME = f"{DEFINITIONS}/crontabs.stable.example.com"
_SPEC = "spec.validation.openAPIV3Schema.properties[spec]"


def told(answer: Obj) -> list[tuple[str, str]]:
    return [(one["field"], one["message"]) for one in answer["details"]["causes"]]


@pytest.mark.parametrize(
    ("client", "field", "why"),
    [
        ({"url": "https://user:x@a.example/c"}, "url", "user information is not permitted"),
        ({"url": "https://a.example/c?x=1"}, "url", "query parameters are not permitted"),
        ({"url": "https://a.example/c#x"}, "url", "fragments are not permitted"),
        ({"url": "http://a.example/c"}, "url", "'https' is the only allowed URL scheme"),
        ({"service": {"name": "a", "namespace": "b", "path": "c"}}, "service.path", "must start with a '/'"),
        ({"service": {"name": "a", "namespace": "b", "port": 70000}}, "service.port", "port is not valid"),
        ({"service": {"namespace": "b"}}, "service.name", "service name is required"),
    ],
)
def test_a_converter_that_cannot_be_called(client: Obj, field: str, why: str) -> None:
    async def test(world: Extended) -> None:
        obj = definition()
        webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
        obj["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
        status, answer = await world.ask("POST", DEFINITIONS, obj)
        ((where, message),) = told(answer)
        assert (status, where) == (422, f"spec.conversion.webhookClientConfig.{field}") and why in message

    extended(test)


def field_of(schema: Obj) -> Obj:
    return {"type": "object", "properties": {"a": schema}}


_TEXTS = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
_ANY = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
_RULE = [{"rule": "self != 'a'", "message": "must not be a"}]
_KEYED = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["n"],
    "items": {"type": "object", "required": ["n"], "properties": {"n": {"type": "string", "nullable": True}}},
}


@pytest.mark.parametrize(
    ("schema", "field", "why"),
    [
        ({"type": "string", "default": "a", "x-kubernetes-validations": _RULE}, "default", "must not be a"),
        ({**_TEXTS, "default": ["x", "x"]}, "default[1]", 'Duplicate value: "x"'),
        ({**_ANY, "default": {"kind": "Pod"}}, "default.apiVersion", "must not be empty"),
        (_KEYED, "items.properties[n].nullable", "so it cannot be nullable"),
    ],
)
def test_a_schema_whose_defaults_or_keys_contradict_it(schema: Obj, field: str, why: str) -> None:
    async def test(world: Extended) -> None:
        status, answer = await world.ask("POST", DEFINITIONS, definition(field_of(schema)))
        assert status == 422 and any(
            where == f"{_SPEC}.properties[a].{field}" and why in message for where, message in told(answer)
        ), answer

    extended(test)


def test_updates_name_the_version_that_they_are_about() -> None:
    async def test(world: Extended) -> None:
        made = await world.define(definition(subresources={"status": {}}))
        _, one = await world.ask("POST", CRONTABS, crontab("a"))
        for path, obj, resource in (
            (f"{CRONTABS}/a", one, "crontabs.stable.example.com"),
            (f"{CRONTABS}/a/status", one, "crontabs.stable.example.com"),
            (NAME, made, "customresourcedefinitions.apiextensions.k8s.io"),
        ):
            without = copy.deepcopy(obj)
            del without["metadata"]["resourceVersion"]
            status, answer = await world.ask("PUT", path, without)
            why = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            assert (status, answer["message"]) == (422, f'{resource} "{obj["metadata"]["name"]}" is invalid: {why}')
        assert (await world.ask("PUT", f"{CRONTABS}/b", {**one, "metadata": {"name": "b"}}))[0] == 404
        assert (await world.ask("PUT", f"{CRONTABS}/a", one))[0] == 200

    extended(test)


def test_nothing_is_made_of_a_definition_that_ends() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        await world.ask("POST", CRONTABS, {**crontab("a"), "metadata": {"name": "a", "finalizers": ["a.example/b"]}})
        await world.ask("DELETE", NAME)
        await world.until_condition("crontabs.stable.example.com", "Terminating", "True")
        status, answer = await world.ask("POST", CRONTABS, crontab("b"))
        assert (status, answer["message"]) == (
            405,
            "create not allowed while custom resource definition is terminating",
        )
        await world.ask("PATCH", f"{CRONTABS}/a", {"metadata": {"finalizers": None}}, content_type=MERGE)
        await world.gone(NAME)

    extended(test)


def test_whole_numbers_are_whole_however_they_are_written() -> None:
    """Clients in other languages read ``1.0`` into no integer; those of upstream's server are given ``1``."""

    async def test(world: Extended) -> None:
        kept = {"x-kubernetes-preserve-unknown-fields": True}
        spec = {"type": "object", "properties": {"i": {"type": "integer"}, "n": {"type": "number"}, "any": kept}}
        await world.define(definition(spec))
        body = b'{"metadata":{"name":"a"},"spec":{"i":1.0,"n":2e0,"any":[{"x":3.0},4.5]}}'
        status, made = await world.ask("POST", CRONTABS, body)
        assert status == 201
        spec_made: Any = made["spec"]
        assert str(spec_made) == "{'i': 1, 'n': 2, 'any': [{'x': 3}, 4.5]}"
        _, changed = await world.ask("PATCH", f"{CRONTABS}/a", b'{"spec":{"i":5.0}}', content_type=MERGE)
        assert str(changed["spec"]["i"]) == "5"

    extended(test)


def test_items_that_were_there_twice_may_stay() -> None:
    async def test(world: Extended) -> None:
        plain = {"type": "array", "items": {"type": "string"}}
        obj = definition(field_of(plain))
        await world.define(obj)
        await world.ask("POST", CRONTABS, crontab("a", spec={"a": ["x", "x"]}))
        obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = field_of(_TEXTS)
        await world.ask("PATCH", NAME, {"spec": {"versions": obj["spec"]["versions"]}}, content_type=MERGE)
        label = {"metadata": {"labels": {"new": "yes"}}}
        assert (await world.ask("PATCH", f"{CRONTABS}/a", label, content_type=MERGE))[0] == 200
        assert (await world.ask("POST", CRONTABS, crontab("b", spec={"a": ["x", "x"]})))[0] == 422

    extended(test)


def test_discovery_tells_when_another_version_is_stored() -> None:
    async def test(world: Extended) -> None:
        async def stored(version: str) -> str:
            _, found = await world.ask("GET", f"/apis/stable.example.com/{version}")
            return str(found["resources"][0]["storageVersionHash"])

        obj = definition()
        (first,) = obj["spec"]["versions"]
        second = {**first, "name": "v2", "storage": False}
        obj["spec"]["versions"] = [first, second]
        await world.define(obj)
        before = await stored("v1")
        assert before == await stored("v2")
        versions = [{**first, "storage": False}, {**second, "storage": True}]
        await world.ask("PATCH", NAME, {"spec": {"versions": versions}}, content_type=MERGE)
        assert before != await stored("v1") == await stored("v2")

    extended(test)
