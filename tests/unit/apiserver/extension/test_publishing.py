"""What clients read of custom kinds in the OpenAPI documents, whatever is kept, embedded, or beside them."""

from __future__ import annotations

import asyncio
from typing import Any

from podo.api.schema import openapi_protobuf
from podo.lab import run as in_virtual_time
from tests.unit.apiserver.extension.definitions import DEFINITIONS, MERGE, Extended, Obj, definition, extended
from tests.unit.apiserver.world import text_of

KEPT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


async def published(world: Extended, group: str = "stable.example.com", version: str = "v1") -> Obj:
    _, found = await world.ask("GET", f"/openapi/v3/apis/{group}/{version}")
    return found["components"]["schemas"] if isinstance(found, dict) and "components" in found else {}


async def shown(world: Extended, schema: Obj) -> tuple[Obj, Obj]:
    """The schema as published in the documents of version 3 and 2."""
    await world.define(definition(schema=schema))
    name = "com.example.stable.v1.CronTab"
    _, two = await world.ask("GET", "/openapi/v2")
    return (await published(world))[name], two["definitions"][name]


def test_unknown_fields_kept_at_the_root() -> None:
    async def test(world: Extended) -> None:
        three, two = await shown(world, KEPT)
        assert three["x-kubernetes-preserve-unknown-fields"] is True
        assert set(three["properties"]) == set(two["properties"]) == {"apiVersion", "kind", "metadata"}

    extended(test)


def test_unknown_fields_kept_in_an_object() -> None:
    async def test(world: Extended) -> None:
        three, two = await shown(world, {"type": "object", "properties": {"spec": {**KEPT, "description": "any"}}})
        assert three["properties"]["spec"] == two["properties"]["spec"] == {**KEPT, "description": "any"}

    extended(test)


def test_unknown_fields_kept_in_an_embedded_object() -> None:
    async def test(world: Extended) -> None:
        inner = {**KEPT, "x-kubernetes-embedded-resource": True}
        three, two = await shown(world, {"type": "object", "properties": {"template": inner}})
        assert three["properties"]["template"] == inner
        assert two["properties"]["template"]["x-kubernetes-embedded-resource"] is True

    extended(test)


def another(group: str, version: str, kind: str, note: str) -> Obj:
    obj = definition(schema={"type": "object", "description": note})
    plural = f"{kind.lower()}s"
    obj["metadata"]["name"] = f"{plural}.{group}"
    obj["spec"] |= {"group": group, "names": {"plural": plural, "kind": kind}}
    obj["spec"]["versions"][0]["name"] = version
    return obj


def test_kinds_of_several_groups_versions_and_names_stand_side_by_side() -> None:
    async def test(world: Extended) -> None:
        wanted = [
            ("a.example.com", "v1", "Gauge"),
            ("b.example.com", "v1", "Gauge"),  # another group
            ("a.example.com", "v1", "Meter"),  # another kind
            ("a.example.com", "v2", "Clock"),  # another version
        ]
        for group, version, kind in wanted:
            await world.define(another(group, version, kind, f"{kind} of {group} {version}"))
        for group, version, kind in wanted:
            name = f"com.example.{group[0]}.{version}.{kind}"
            found = (await published(world, group, version))[name]
            assert found["description"] == f"{kind} of {group} {version}"

    extended(test)


def test_a_renamed_version_is_published_by_its_new_name() -> None:
    async def test(world: Extended) -> None:
        obj = definition()
        obj["spec"]["versions"].append({**obj["spec"]["versions"][0], "name": "v2", "storage": False})
        await world.define(obj)
        obj["spec"]["versions"][1]["name"] = "v3"
        patch = {"spec": {"versions": obj["spec"]["versions"]}}
        await world.ask("PATCH", f"{DEFINITIONS}/crontabs.stable.example.com", patch, content_type=MERGE)
        assert "com.example.stable.v3.CronTab" in await published(world, version="v3")
        assert await published(world, version="v2") == {}
        assert "com.example.stable.v1.CronTab" in await published(world)

    extended(test)


def test_documents_have_tags_that_change_with_the_schema() -> None:
    async def test(world: Extended) -> None:
        async def tag(path: str) -> Any:
            answer = await world.answer("GET", path)
            return dict(answer.headers)["ETag"]

        first = [await tag(path) for path in ("/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1")]
        await world.define(definition())
        second = [await tag(path) for path in ("/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1")]
        assert first[0] != second[0] and first[1] != second[1] and first[2] == second[2]
        same = await world.answer("GET", "/openapi/v2", if_none_match=second[0])
        assert same.status == 304

    extended(test)


def test_the_old_document_is_there_in_protobuf_too() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
        answer = await world.answer("GET", "/openapi/v2", accept=accept)
        assert answer.content_type == openapi_protobuf.MEDIA_TYPE
        assert b"com.example.stable.v1.CronTab" in text_of(answer)  # type: ignore[arg-type]

    extended(test)


def test_a_change_makes_nothing_anew_but_its_own_group() -> None:
    """Documents are made a kind and a type at a time, with a turn of the loop for others between any two."""

    async def test(world: Extended) -> None:
        async def turns(accept: str) -> int:
            taken, done = 0, asyncio.ensure_future(world.answer("GET", "/openapi/v2", accept=accept))
            while not done.done():
                await asyncio.sleep(0)
                taken += 1
            return taken

        for accept in ("application/json", openapi_protobuf.MEDIA_TYPE):
            await turns(accept)  # whatever was made before
            assert await turns(accept) < 20  # kept
            obj = definition()
            group = obj["spec"]["group"] = f"new{len(accept)}.example.com"
            obj["metadata"]["name"] = f"crontabs.{group}"
            await world.define(obj)
            assert 10 < await turns(accept) < 200 < len((await world.ask("GET", "/openapi/v2"))[1]["definitions"])

    extended(test)


def test_a_change_is_published_within_a_second() -> None:
    """A new field, a new short name and a new version, in discovery and all documents. Waits count, not how fast this
    machine is."""

    async def test(world: Extended) -> None:
        obj = definition()
        await world.define(obj)
        name = "com.example.stable.v1.CronTab"
        for path in ("/openapi/v2", "/openapi/v3", "/apis"):
            await world.ask("GET", path)  # made at the first request, whenever that is
        (version,) = obj["spec"]["versions"]
        version["schema"]["openAPIV3Schema"]["properties"]["note"] = {"type": "string"}
        another = {**version, "name": "v2", "storage": False}
        names = {**obj["spec"]["names"], "shortNames": ["ct", "tab"]}
        began = asyncio.get_running_loop().time()
        changed = {"spec": {"names": names, "versions": [version, another]}}
        status, _ = await world.ask("PATCH", f"{DEFINITIONS}/crontabs.stable.example.com", changed, content_type=MERGE)
        assert status == 200

        async def discovered() -> bool:
            status, found = await world.ask("GET", "/apis/stable.example.com/v2")
            return status == 200 and "tab" in found["resources"][0]["shortNames"]

        await world.until(discovered)
        assert "note" in (await published(world))[name]["properties"]
        assert "com.example.stable.v2.CronTab" in await published(world, version="v2")
        _, two = await world.ask("GET", "/openapi/v2")
        assert "note" in two["definitions"][name]["properties"]
        _, index = await world.ask("GET", "/openapi/v3")
        assert "apis/stable.example.com/v2" in index["paths"]
        _, group = await world.ask("GET", "/apis/stable.example.com")
        assert [one["version"] for one in group["versions"]] == ["v2", "v1"]
        assert asyncio.get_running_loop().time() - began < 1.0

    extended(test, on=in_virtual_time)
