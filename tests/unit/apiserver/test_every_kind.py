"""The life of an object of every kind through the API: made, read, listed, watched, changed, patched, removed; and
that discovery and the OpenAPI documents know the kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import pytest

from podo.api.kind import Kind
from podo.api.registry import all_kinds
from podo.http.message import Streaming
from tests.unit.apiserver.examples import FIELDS, example
from tests.unit.apiserver.world import TABLE, World, Written, in_world

PATCHES = {
    "application/merge-patch+json": {"metadata": {"annotations": {"merge": "1"}}},
    "application/strategic-merge-patch+json": {"metadata": {"annotations": {"strategic": "1"}}},
    "application/json-patch+json": [{"op": "add", "path": "/metadata/annotations/json", "value": "1"}],
}
WRITTEN = [kind for kind in all_kinds() if "create" in kind.verbs]
every_kind = pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: f"{kind.qualified}-{kind.version}")


def collection(kind: Kind) -> str:
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    return f"{root}/namespaces/default/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"


class Frames(Written):
    """What a watch has written, and a bell for each write."""

    def __init__(self) -> None:
        super().__init__()
        self.bell = asyncio.Event()

    def write(self, data: bytes) -> None:
        super().write(data)
        self.bell.set()

    def write_all(self, parts: Sequence[bytes]) -> None:
        super().write_all(parts)
        self.bell.set()

    async def until(self, kind: str, name: str) -> dict[str, Any]:
        """The object of the first event of a type about a name."""
        while True:
            self.bell.clear()
            for line in self.data.splitlines():
                event = orjson.loads(line)
                if event["type"] == kind and event["object"]["metadata"]["name"] == name:
                    return event["object"]
            await self.bell.wait()


@asynccontextmanager
async def watching(world: World, target: str) -> AsyncIterator[Frames]:
    stream = await world.answer("GET", f"{target}?watch=1&labelSelector=example%3Dyes")
    assert isinstance(stream, Streaming)
    frames = Frames()
    task = asyncio.ensure_future(stream.produce(frames))
    try:
        yield frames
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_every_served_kind_has_an_example() -> None:
    assert {f"{kind.api_version}/{kind.kind}" for kind in WRITTEN} <= set(FIELDS)


@every_kind
def test_made_read_changed_and_removed(kind: Kind) -> None:
    async def test(world: World) -> None:
        target, given = collection(kind), example(kind)
        one = f"{target}/{given['metadata']['name']}"
        async with watching(world, target) as frames:
            status, made = await world.ask("POST", f"{target}?fieldValidation=Strict", given)
            assert status == 201, made
            assert (made["apiVersion"], made["kind"]) == (kind.api_version, kind.kind)
            assert await frames.until("ADDED", given["metadata"]["name"]) == made
            if kind.kind == "ResourceQuota":
                made = await counted(world, one)
            assert (await world.ask("POST", target, given))[0] == 409
            assert await world.ask("GET", one) == (200, made)
            await listed(world, kind, made)
            await changed(world, one, made)
            await frames.until("MODIFIED", given["metadata"]["name"])
            await with_status(world, kind, one)
            await removed(world, kind, one, frames)
        if "deletecollection" in kind.verbs:
            await all_removed(world, kind, target)

    in_world(test)


async def counted(world: World, one: str) -> dict[str, Any]:
    """The quota with the status that the server itself gives it."""
    while True:
        _, found = await world.ask("GET", one)
        if found.get("status"):
            return dict(found)
        await asyncio.sleep(0)


async def listed(world: World, kind: Kind, made: dict[str, Any]) -> None:
    target = collection(kind)
    status, found = await world.ask("GET", f"{target}?labelSelector=example%3Dyes")
    assert (status, found["kind"], found["apiVersion"]) == (200, kind.list_kind, kind.api_version)
    bare = {field: value for field, value in made.items() if field not in ("apiVersion", "kind")}
    assert [{f: v for f, v in item.items() if f not in ("apiVersion", "kind")} for item in found["items"]] == [bare]
    _, table = await world.ask("GET", f"{target}?labelSelector=example%3Dyes", accept=TABLE)
    assert len(table["rows"]) == 1
    names = [column["name"] for column in table["columnDefinitions"]]
    assert "Name" in names and len(table["rows"][0]["cells"]) == len(names)
    assert made["metadata"]["name"] in table["rows"][0]["cells"]
    for field in kind.fields:
        status, answer = await world.ask("GET", f"{target}?fieldSelector={field}%3Dno-such-value")
        assert status == 200 and answer["items"] == [], field
    assert (await world.ask("GET", f"{target}?fieldSelector=no.such.field%3Dx"))[0] == 400


async def changed(world: World, one: str, made: dict[str, Any]) -> None:
    metadata = made["metadata"]
    wanted = {**made, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), "update": "1"}}}
    status, updated = await world.ask("PUT", one, wanted)
    assert status == 200, updated
    assert (await world.ask("PUT", one, {**wanted, "metadata": {**wanted["metadata"], "labels": {}}}))[0] == 409
    for content_type, patch in PATCHES.items():
        status, updated = await world.ask("PATCH", one, patch, content_type=content_type)
        assert status == 200, updated
    annotations = updated["metadata"]["annotations"]
    assert {"update", "merge", "strategic", "json"} <= annotations.keys()
    assert updated["metadata"].get("generation") == metadata.get("generation")


async def with_status(world: World, kind: Kind, one: str) -> None:
    _, found = await world.ask("GET", one)
    status, answer = await world.ask("PUT", f"{one}/status", found)
    assert status == (200 if kind.has_status else 404), answer
    if kind.has_status:
        patch = {"metadata": {"annotations": {"status": "1"}}, "spec": {"nonsense": 1}}
        status, answer = await world.ask("PATCH", f"{one}/status", patch, content_type="application/merge-patch+json")
        assert status == 200, answer
        assert answer.get("spec") == found.get("spec")


async def removed(world: World, kind: Kind, one: str, frames: Frames) -> None:
    status, answer = await world.ask("DELETE", one)
    assert status == 200, answer
    if kind.kind == "Namespace":  # its finalizer is the namespace controller's
        assert (await world.ask("GET", one))[1]["status"]["phase"] == "Terminating"
        return
    finalizers = answer.get("metadata", {}).get("finalizers")
    if finalizers:  # a protection that a controller takes away
        patch = {"metadata": {"finalizers": None}}
        await world.ask("PATCH", one, patch, content_type="application/merge-patch+json")
    await frames.until("DELETED", one.rpartition("/")[2])
    assert (await world.ask("GET", one))[0] == 404


async def all_removed(world: World, kind: Kind, target: str) -> None:
    for index in range(2):
        status, answer = await world.ask("POST", target, example(kind, index))
        assert status == 201, answer
    status, _ = await world.ask("DELETE", f"{target}?labelSelector=example%3Dyes")
    assert status == 200
    _, left = await world.ask("GET", f"{target}?labelSelector=example%3Dyes")
    assert all("deletionTimestamp" in item["metadata"] for item in left["items"])


def test_discovery_and_openapi_know_every_kind() -> None:
    async def test(world: World) -> None:
        _, v2 = await world.ask("GET", "/openapi/v2")
        _, index = await world.ask("GET", "/openapi/v3")
        documents: dict[str, Any] = {}
        for kind in all_kinds():
            root = f"apis/{kind.api_version}" if kind.group else f"api/{kind.api_version}"
            _, resources = await world.ask("GET", f"/{root}")
            rows = {row["name"]: row for row in resources["resources"]}
            row = rows[kind.plural]
            assert (row["kind"], row["namespaced"]) == (kind.kind, kind.namespaced)
            assert tuple(row.get("shortNames", ())) == kind.short_names
            assert (f"{kind.plural}/status" in rows) == kind.has_status
            path = f"/{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"/{root}/{kind.plural}"
            if root not in documents:
                documents[root] = (await world.ask("GET", index["paths"][root]["serverRelativeURL"]))[1]
            assert path in v2["paths"] and path in documents[root]["paths"], kind.qualified

    in_world(test)
