"""Writes that are settled before a kind's rules are asked: by version, name, owners, options and preconditions."""

from __future__ import annotations

from typing import Any

import pytest

from podo.apiserver.verbs.create import NAME_ATTEMPTS
from podo.http.message import Response, Streaming
from tests.unit.apiserver.world import World, in_world, pod, text_of

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


def config_map(name: str = "m", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def test_a_new_object_says_no_version() -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("POST", MAPS, config_map(resourceVersion="5"))
        assert (status, answer["message"]) == (500, "resourceVersion should not be set on objects to be created")
        assert "reason" not in answer
        assert (await world.ask("POST", f"{MAPS}?dryRun=All", config_map(resourceVersion="5")))[0] == 201
        assert (await world.ask("GET", f"{MAPS}/m"))[0] == 404
        for number, text in enumerate(("", "0", "later")):
            status, made = await world.ask("POST", MAPS, config_map(f"m{number}", resourceVersion=text))
            assert status == 201 and made["metadata"]["resourceVersion"].isdigit()

    in_world(test)


def test_an_apply_that_creates_takes_any_version() -> None:
    async def test(world: World) -> None:
        target, kind = f"{MAPS}/m?fieldManager=me", "application/apply-patch+yaml"
        assert (await world.ask("PATCH", target, config_map(resourceVersion="5"), content_type=kind))[0] == 201

    in_world(test)


def test_names_that_are_taken() -> None:
    async def test(world: World) -> None:
        await world.ask("POST", MAPS, config_map(finalizers=["example.com/wait"]))
        taken = 'configmaps "m" already exists'
        for target in (MAPS, f"{MAPS}?dryRun=All"):
            status, answer = await world.ask("POST", target, config_map())
            assert (status, answer["reason"], answer["message"]) == (409, "AlreadyExists", taken)
        found = await world.answer("POST", MAPS, config_map(generateName="m-"))
        assert isinstance(found, Response)
        assert b", the server was not able to generate a unique name for the object" in text_of(found)
        assert ("Retry-After", "1") in found.headers
        await world.ask("DELETE", f"{MAPS}/m")
        _, answer = await world.ask("POST", MAPS, config_map())
        assert answer["message"] == f"object is being deleted: {taken}"

    in_world(test)


def test_a_name_is_made_so_often_and_then_its_prefix_is_told_to_be_full(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        asked: list[int] = []

        def same(length: int = 5) -> str:
            asked.append(length)
            return "aaaaa"

        monkeypatch.setattr(world.server.backend.chance, "suffix", same)
        wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "m-"}}
        assert (await world.ask("POST", MAPS, wanted))[1]["metadata"]["name"] == "m-aaaaa"
        asked.clear()
        status, answer = await world.ask("POST", MAPS, wanted)
        assert (status, answer["details"]["retryAfterSeconds"], len(asked)) == (409, 1, NAME_ATTEMPTS)
        assert "was not able to generate a unique name" in answer["message"]

    in_world(test)


def owner(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": f"uid-{name}", **more}


def test_owners_that_are_named_twice_are_dropped_and_told() -> None:
    async def test(world: World) -> None:
        twice = [owner("a"), owner("b"), owner("a"), owner("a", controller=True)]
        advice = (
            "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix"
        )
        told = f"{advice} your requests; duplicate UID(s) observed: uid-a"
        found = await world.answer("POST", MAPS, config_map(ownerReferences=twice))
        warning = ("Warning", f'299 - ".metadata.ownerReferences contains duplicate entries; {told}"')
        assert warning in found.headers
        _, made = await world.ask("GET", f"{MAPS}/m")
        assert made["metadata"]["ownerReferences"] == [twice[0], twice[1], twice[3]]
        found = await world.answer("PUT", f"{MAPS}/m", config_map(ownerReferences=[owner("a"), owner("a")]))
        assert f"duplicate entries; {told}" in found.headers[0][1]
        patch = {"metadata": {"ownerReferences": [owner("b"), owner("b")]}}
        found = await world.answer("PATCH", f"{MAPS}/m", patch, content_type="application/merge-patch+json")
        assert "duplicate entries after mutating admission happens; API server" in found.headers[0][1]
        _, changed = await world.ask("GET", f"{MAPS}/m")
        assert changed["metadata"]["ownerReferences"] == [owner("b")]

    in_world(test)


def test_an_update_names_the_object_of_its_path() -> None:
    async def test(world: World) -> None:
        await world.ask("POST", MAPS, config_map())
        nameless: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
        why = "the name of the object (m based on URL) was undeterminable: name must be provided"
        status, answer = await world.ask("PUT", f"{MAPS}/m", nameless)
        assert (status, answer["reason"], answer["message"]) == (400, "BadRequest", why)
        status, answer = await world.ask("PUT", f"{MAPS}/m", config_map("other"))
        assert answer["message"] == "the name of the object (other) does not match the name on the URL (m)"

    in_world(test)


OPTIONS = [
    ("POST", MAPS, "fieldManager=a%01&dryRun=No", "CreateOptions", ["fieldManager", "dryRun"]),
    ("PUT", f"{MAPS}/m", "fieldValidation=Odd", "UpdateOptions", ["fieldValidation"]),
    ("PATCH", f"{MAPS}/m", "force=true", "PatchOptions", ["force"]),
    ("GET", MAPS, "resourceVersionMatch=Odd&continue=x", "ListOptions", ["resourceVersionMatch"] * 3),
    ("GET", MAPS, "sendInitialEvents=true", "ListOptions", ["sendInitialEvents"]),
    ("GET", MAPS, "watch=1&resourceVersionMatch=Exact", "ListOptions", ["resourceVersionMatch"] * 2),
    ("DELETE", f"{MAPS}/m", "propagationPolicy=Odd&orphanDependents=true", "DeleteOptions", ["propagationPolicy"] * 2),
    ("DELETE", f"{MAPS}/m", "dryRun=No", "DeleteOptions", ["dryRun"]),
]


@pytest.mark.parametrize(("method", "target", "query", "options", "fields"), OPTIONS)
def test_all_that_is_wrong_with_options_is_told(
    method: str, target: str, query: str, options: str, fields: list[str]
) -> None:
    async def test(world: World) -> None:
        await world.ask("POST", MAPS, config_map())
        body = b"" if method in ("GET", "DELETE") else config_map()
        media = "application/merge-patch+json" if method == "PATCH" else ""
        status, answer = await world.ask(method, f"{target}?{query}", body, content_type=media)
        assert (status, answer["reason"]) == (422, "Invalid")
        assert answer["message"].startswith(f'{options}.meta.k8s.io "" is invalid: ')
        details = answer["details"]
        assert (details["group"], details["kind"]) == ("meta.k8s.io", options)
        assert [cause["field"] for cause in details["causes"]] == fields

    in_world(test)


def test_deletes_and_their_preconditions() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(pod("web", nodeName="n1"))
        uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
        record = f"does not match the ResourceVersion in record ({version}). "
        for preconditions, why in (
            ({"uid": "x"}, f"the UID in the precondition (x) does not match the UID in record ({uid}). "),
            ({"resourceVersion": "1"}, f"the ResourceVersion in the precondition (1) {record}"),
        ):
            status, answer = await world.ask("DELETE", f"{PODS}/web", {"preconditions": preconditions})
            assert (status, answer["details"]) == (409, {"name": "web", "kind": "Pod"})
            assert answer["message"].startswith(f'Operation cannot be fulfilled on Pod "web": {why}')
        status, _ = await world.ask("DELETE", f"{PODS}/web", {"propagationPolicy": "Foreground"})
        assert status == 200
        status, _ = await world.ask("DELETE", f"{PODS}/web", {"orphanDependents": False})
        assert status == 202, "it is not gone yet"

    in_world(test)


def test_flags_hold_unless_they_say_no() -> None:
    async def test(world: World) -> None:
        for text in ("watch", "watch=1", "watch=yes"):
            assert isinstance(await world.answer("GET", f"{MAPS}?{text}"), Streaming)
        for text in ("watch=0", "watch=False", "limit=-1"):
            assert (await world.ask("GET", f"{MAPS}?{text}"))[1]["kind"] == "ConfigMapList"

    in_world(test)
