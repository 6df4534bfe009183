"""Definitions of several versions: served side by side, converted by nobody or by a webhook, stored in one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from podo.api.errors import ApiError
from podo.http.message import Request, Response
from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Webhook, serving
from tests.unit.apiserver.extension.definitions import (
    APPLY,
    CRONTABS,
    DEFINITIONS,
    MERGE,
    Extended,
    Obj,
    crontab,
    definition,
    extended,
)

V2 = CRONTABS.replace("/v1/", "/v2/")


def two_versions(**conversion: Any) -> Obj:
    """v1 has ``hostPort``; v2 has ``host`` and ``port``; v1 is stored."""
    obj = definition()
    texts = {name: {"type": "string"} for name in ("host", "port", "hostPort")}
    for name in ("v1", "v2"):
        fields = {"hostPort": texts["hostPort"]} if name == "v1" else {"host": texts["host"], "port": texts["port"]}
        schema = {"type": "object", "properties": fields}
        version = {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}}
        obj["spec"]["versions"] = [version] if name == "v1" else [*obj["spec"]["versions"], version]
    if conversion:
        obj["spec"]["conversion"] = conversion
    return obj


def test_without_a_converter_versions_differ_by_their_name_only() -> None:
    async def test(world: Extended) -> None:
        obj = two_versions()
        for version in obj["spec"]["versions"]:
            version["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await world.define(obj)
        _, one = await world.ask("POST", CRONTABS, crontab("a", word="x"))
        _, two = await world.ask("GET", f"{V2}/a")
        assert (two["apiVersion"], two["word"]) == ("stable.example.com/v2", "x")
        assert two["metadata"] == one["metadata"]
        _, made = await world.ask("POST", V2, crontab("b", "v2", word="y"))
        assert made["apiVersion"] == "stable.example.com/v2"
        _, listed = await world.ask("GET", CRONTABS)
        assert [item["apiVersion"] for item in listed["items"]] == ["stable.example.com/v1"] * 2
        stored = await world.store.get("/stable.example.com/crontabs/default/b")
        assert stored is not None and orjson.loads(stored.value)["apiVersion"] == "stable.example.com/v1"
        events = await world.watch(f"{V2}?watch=1&timeoutSeconds=1")
        assert {event["object"]["apiVersion"] for event in events} == {"stable.example.com/v2"}
        (entry,) = made["metadata"]["managedFields"]
        assert entry["apiVersion"] == "stable.example.com/v2"

    extended(test)


def test_another_version_is_stored_from_the_change_on() -> None:
    async def test(world: Extended) -> None:
        obj = two_versions()
        for version in obj["spec"]["versions"]:
            version["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await world.define(obj)
        await world.ask("POST", CRONTABS, crontab("a"))
        name = f"{DEFINITIONS}/crontabs.stable.example.com"
        first, second = obj["spec"]["versions"]
        versions = [{**first, "storage": False}, {**second, "storage": True}]
        status, changed = await world.ask("PATCH", name, {"spec": {"versions": versions}}, content_type=MERGE)
        assert (status, changed["status"]["storedVersions"]) == (200, ["v1", "v2"])
        status, refused = await world.ask("PATCH", name, {"spec": {"versions": versions[1:]}}, content_type=MERGE)
        assert status == 422 and refused["details"]["causes"][0]["field"] == "status.storedVersions[0]"
        await world.ask("PATCH", f"{V2}/a", {"metadata": {"labels": {"moved": "yes"}}}, content_type=MERGE)
        stored = await world.store.get("/stable.example.com/crontabs/default/a")
        assert stored is not None and orjson.loads(stored.value)["apiVersion"] == "stable.example.com/v2"
        _, done = await world.ask("PATCH", f"{name}/status", {"status": {"storedVersions": ["v2"]}}, content_type=MERGE)
        assert done["status"]["storedVersions"] == ["v2"]
        status, _ = await world.ask("PATCH", name, {"spec": {"versions": versions[1:]}}, content_type=MERGE)
        assert status == 200
        assert (await world.ask("GET", f"{CRONTABS}/a"))[0] == 404
        assert (await world.ask("GET", f"{V2}/a"))[0] == 200

    extended(test)


def test_stored_objects_are_read_by_the_present_schema() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        await world.ask("POST", CRONTABS, crontab("a", spec={"cronSpec": "x"}))
        schema = definition()["spec"]["versions"][0]
        fields = schema["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        fields["color"] = {"type": "string", "default": "red"}
        del fields["image"]
        name = f"{DEFINITIONS}/crontabs.stable.example.com"
        assert (await world.ask("PATCH", name, {"spec": {"versions": [schema]}}, content_type=MERGE))[0] == 200
        _, found = await world.ask("GET", f"{CRONTABS}/a")
        assert found["spec"] == {"cronSpec": "x", "replicas": 1, "color": "red"}
        stored = await world.store.get("/stable.example.com/crontabs/default/a")
        assert stored is not None and "color" not in orjson.loads(stored.value)["spec"]

    extended(test)


def test_a_deprecated_version_warns() -> None:
    async def test(world: Extended) -> None:
        obj = two_versions()
        obj["spec"]["versions"][0] |= {"deprecated": True}
        obj["spec"]["versions"][1] |= {"deprecated": True, "deprecationWarning": "use v3"}
        await world.define(obj)
        for path, text in ((CRONTABS, "stable.example.com/v1 CronTab is deprecated"), (V2, "use v3")):
            for asked in (path, f"{path}?watch=1&timeoutSeconds=1"):
                answer = await world.answer("GET", asked)
                assert ("Warning", f'299 - "{text}"') in list(answer.headers)

    extended(test)


# -- webhooks --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Path(tmp_path_factory.mktemp("pki")))


def converted(obj: Obj, to: str) -> Obj:
    """What the author of the two versions would write."""
    made = {"apiVersion": to, "kind": obj["kind"], "metadata": obj["metadata"]}
    if to.endswith("/v2"):
        host, _, port = obj.get("hostPort", "").partition(":")
        return {**made, "host": host, "port": port}
    return {**made, "hostPort": f"{obj.get('host', '')}:{obj.get('port', '')}"}


@asynccontextmanager
async def converting(pki: Pki, change: Any = converted) -> AsyncIterator[Webhook]:
    async def answer(webhook: Webhook, request: Request) -> Response:
        asked = webhook.reviews[-1]["request"]
        objects = [change(obj, asked["desiredAPIVersion"]) for obj in asked["objects"]]
        response = {"uid": asked["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
        review = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response}
        return Response(200, orjson.dumps(review))

    async with serving(pki, answer) as webhook:
        yield webhook


def by(webhook: Webhook) -> Obj:
    review = {"clientConfig": webhook.client("/convert"), "conversionReviewVersions": ["v1"]}
    return two_versions(strategy="Webhook", webhook=review)


def test_a_webhook_converts_what_is_written_read_and_listed(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            await world.define(by(webhook))
            _, one = await world.ask("POST", CRONTABS, crontab("a", hostPort="localhost:1"))
            assert not [one for one in webhook.requests if one["desiredAPIVersion"].endswith("/v1")]  # as it is stored
            status, two = await world.ask("GET", f"{V2}/a")
            assert (status, two["host"], two["port"]) == (200, "localhost", "1")
            assert two["metadata"] == one["metadata"]
            status, made = await world.ask("POST", V2, crontab("b", "v2", host="h", port="2"))
            assert (status, made["host"], "hostPort" in made) == (201, "h", False)
            assert (await world.ask("GET", f"{CRONTABS}/b"))[1]["hostPort"] == "h:2"
            _, patched = await world.ask("PATCH", f"{V2}/a", {"port": "9"}, content_type=MERGE)
            assert (patched["host"], patched["port"]) == ("localhost", "9")
            assert (await world.ask("GET", f"{CRONTABS}/a"))[1]["hostPort"] == "localhost:9"
            _, listed = await world.ask("GET", V2)
            assert [(item["host"], item["port"]) for item in listed["items"]] == [("localhost", "9"), ("h", "2")]
            assert max(len(one["objects"]) for one in webhook.requests) == 2  # one call for the whole list
            assert (await world.ask("DELETE", f"{V2}/a"))[0] == 200

    extended(test)


def test_objects_of_several_stored_versions_are_listed_alike(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            obj = by(webhook)
            await world.define(obj)
            await world.ask("POST", CRONTABS, crontab("a", hostPort="one:1"))
            first, second = obj["spec"]["versions"]
            versions = [{**first, "storage": False}, {**second, "storage": True}]
            name = f"{DEFINITIONS}/crontabs.stable.example.com"
            await world.ask("PATCH", name, {"spec": {"versions": versions}}, content_type=MERGE)
            await world.ask("POST", CRONTABS, crontab("b", hostPort="two:2"))
            _, listed = await world.ask("GET", V2)
            assert [(item["host"], item["port"]) for item in listed["items"]] == [("one", "1"), ("two", "2")]
            _, listed = await world.ask("GET", CRONTABS)
            assert [item["hostPort"] for item in listed["items"]] == ["one:1", "two:2"]

    extended(test)


def test_watches_show_converted_objects(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            await world.define(by(webhook))
            await world.ask("POST", CRONTABS, crontab("a", hostPort="one:1"))

            async def later() -> None:
                await world.ask("POST", CRONTABS, crontab("b", hostPort="two:2"))
                await world.ask("DELETE", f"{CRONTABS}/a")

            watching = asyncio.create_task(world.watch(f"{V2}?watch=1", frames=3))
            await world.until(lambda: asyncio.sleep(0, bool(webhook.reviews)))
            await later()
            seen = [(one["type"], one["object"]["host"], one["object"]["apiVersion"]) for one in await watching]
            version = "stable.example.com/v2"
            assert seen == [("ADDED", "one", version), ("ADDED", "two", version), ("DELETED", "one", version)]

    extended(test)


def test_selectors_select_what_is_shown(pki: Pki) -> None:
    """In lists and watches alike, by the version that is asked for: what is stored has no such field."""

    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            obj = by(webhook)
            obj["spec"]["versions"][1]["selectableFields"] = [{"jsonPath": ".host"}]
            await world.define(obj)
            await world.ask("POST", CRONTABS, crontab("a", hostPort="one:1"))
            await world.ask("POST", CRONTABS, crontab("b", hostPort="two:1"))
            only = "fieldSelector=host%3Done"
            status, listed = await world.ask("GET", f"{V2}?{only}")
            assert (status, [one["metadata"]["name"] for one in listed["items"]]) == (200, ["a"])
            assert (await world.ask("GET", f"{CRONTABS}?{only}"))[0] == 400

            revision = listed["metadata"]["resourceVersion"]
            for name, value in (("a", "two:1"), ("b", "one:2"), ("b", "one:3")):
                await world.ask("PATCH", f"{CRONTABS}/{name}", {"hostPort": value}, content_type=MERGE)
            await world.ask("POST", V2, crontab("c", "v2", host="three", port="1"))
            await world.ask("DELETE", f"{V2}/b")
            past = world.watch(f"{V2}?watch=1&resourceVersion={revision}&{only}", frames=4)
            begun = world.watch(f"{V2}?watch=1&timeoutSeconds=1&{only}")
            seen = [
                [(one["type"], one["object"]["metadata"]["name"], one["object"]["host"]) for one in frames]
                for frames in await asyncio.gather(past, begun)
            ]
            wanted = [("DELETED", "a", "one"), ("ADDED", "b", "one"), ("MODIFIED", "b", "one"), ("DELETED", "b", "one")]
            assert seen == [wanted, []]

    extended(test)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda obj, to: {**obj, "apiVersion": "x/v1"}, "invalid groupVersion"),
        (
            lambda obj, to: {**converted(obj, to), "metadata": {**obj["metadata"], "name": "b"}},
            "must have the same name",
        ),
        (
            lambda obj, to: {**converted(obj, to), "metadata": {**obj["metadata"], "labels": "none"}},
            "invalid metadata in converted object at index 0: metadata.labels",
        ),
        (
            lambda obj, to: {**converted(obj, to), "metadata": {**obj["metadata"], "labels": {"a b": "c"}}},
            "invalid metadata in converted object at index 0: metadata.labels",
        ),
        (lambda obj, to: {**converted(obj, to), "metadata": {**obj["metadata"], "uid": "other"}}, "the same uid"),
    ],
)
def test_a_wrong_answer_of_a_webhook_is_an_error_that_says_so(pki: Pki, change: Any, why: str) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki, change) as webhook:
            await world.define(by(webhook))
            await world.ask("POST", CRONTABS, crontab("a", hostPort="one:1"))
            status, answer = await world.ask("GET", f"{V2}/a")
            assert status == 500
            assert answer["message"].startswith("conversion webhook for stable.example.com/v1, Kind=CronTab failed: ")
            assert why in answer["message"]

    extended(test)


def test_a_webhook_that_does_not_answer_fails_what_needs_it(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            obj = by(webhook)
        await world.define(obj)  # from here on nobody listens
        assert (await world.ask("POST", CRONTABS, crontab("a", hostPort="one:1")))[0] == 201
        status, answer = await world.ask("GET", V2)
        assert status == 500 and "connect: connection refused" in answer["message"]
        _, page = await world.ask("GET", "/metrics")
        labels = 'result="failure",failure_type="conversion_webhook_call_failure"'
        assert f"apiserver_conversion_webhook_request_total{{{labels}}} 1\n".encode() in page
        assert f"apiserver_conversion_webhook_duration_seconds_count{{{labels}}} 1\n".encode() in page
        with pytest.raises(ApiError):
            await world.client.list("stable.example.com/v2/CronTab", "default")

    extended(test)


# -- owners of fields ------------------------------------------------------------------------------------------------


def owned(obj: Obj) -> dict[tuple[str, str], set[str]]:
    """The fields of each manager, by its version."""
    return {
        (one["manager"], one["apiVersion"].rpartition("/")[2]): set(one["fieldsV1"]) - {"f:metadata"}
        for one in obj["metadata"]["managedFields"]
    }


async def applied(world: Extended, path: str, config: Obj, manager: str) -> tuple[int, Any]:
    return await world.ask("PATCH", f"{path}?fieldManager={manager}", config, content_type=APPLY)


def test_owners_lose_in_their_version_what_is_changed_in_another(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            await world.define(by(webhook))
            status, made = await applied(world, f"{CRONTABS}/a", crontab("a", hostPort="one:1"), "boss")
            assert status == 201, made
            status, found = await world.ask("PATCH", f"{V2}/a?fieldManager=new", {"port": "2"}, content_type=MERGE)
            assert (status, found["host"], found["port"]) == (200, "one", "2")
            assert owned(found)["new", "v2"] == {"f:port"}
            assert owned(found).get(("boss", "v1"), set()) == set()
            status, refused = await applied(world, f"{CRONTABS}/a", crontab("a", hostPort="one:1"), "boss")
            assert (status, refused["details"]["causes"][0]["field"]) == (409, ".port")

    extended(test)


def test_an_applier_changes_to_another_version(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        async with converting(pki) as webhook:
            await world.define(by(webhook))
            await applied(world, f"{CRONTABS}/a", crontab("a", hostPort="one:1"), "boss")
            status, found = await applied(world, f"{V2}/a", crontab("a", "v2", host="one", port="3"), "boss")
            assert (status, found["host"], found["port"]) == (200, "one", "3")
            assert owned(found) == {("boss", "v2"): {"f:host", "f:port"}}

    extended(test)


def test_owners_without_a_converter(pki: Pki) -> None:
    async def test(world: Extended) -> None:
        obj = two_versions()
        for version in obj["spec"]["versions"]:
            version["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await world.define(obj)
        await applied(world, f"{CRONTABS}/a", crontab("a", word="x", other="y"), "boss")
        _, found = await world.ask("PATCH", f"{V2}/a?fieldManager=new", {"word": "z"}, content_type=MERGE)
        assert owned(found) == {("boss", "v1"): {"f:other"}, ("new", "v2"): {"f:word"}}
        name = f"{DEFINITIONS}/crontabs.stable.example.com"
        first, second = obj["spec"]["versions"]
        versions = [{**first, "served": False}, second]
        await world.ask("PATCH", name, {"spec": {"versions": versions}}, content_type=MERGE)
        _, found = await world.ask("PATCH", f"{V2}/a?fieldManager=new", {"third": "z"}, content_type=MERGE)
        assert owned(found) == {("new", "v2"): {"f:word", "f:third"}}

    extended(test)
