"""Unknown metadata, in custom resources and in what is embedded in them; and objects within objects."""

from __future__ import annotations

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

STRICT = f"{CRONTABS}?fieldValidation=Strict"
EMBEDDED: Obj = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "template": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "size": {"x-kubernetes-int-or-string": True},
                "note": {"type": "string", "nullable": True, "default": "none"},
            },
        }
    },
}


def template(**more: object) -> Obj:
    metadata = {"name": "inner", "labels": {"a": "b"}, **more}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"any": "thing"}}


def test_unknown_metadata_is_told_at_the_root_and_within() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(schema=EMBEDDED))
        sent = crontab("a", spec={"template": template(unknownInner="x")})
        sent["metadata"]["unknownOuter"] = "x"
        status, answer = await world.ask("POST", STRICT, sent)
        assert status == 400
        assert 'unknown field "metadata.unknownOuter"' in answer["message"]
        assert 'unknown field "spec.template.metadata.unknownInner"' in answer["message"]
        status, made = await world.ask("POST", f"{CRONTABS}?fieldValidation=Ignore", sent)
        assert status == 201 and made["spec"]["template"] == template()

    extended(test)


def test_unknown_metadata_of_a_definition_is_told() -> None:
    async def test(world: Extended) -> None:
        obj = definition()
        obj["metadata"]["unknownMeta"] = "x"
        status, answer = await world.ask("POST", f"{DEFINITIONS}?fieldValidation=Strict", obj)
        assert status == 400 and 'unknown field "metadata.unknownMeta"' in answer["message"]

    extended(test)


def test_valid_objects_are_made_and_applied_strictly() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        assert (await world.ask("POST", STRICT, crontab("a", spec={"cronSpec": "x"})))[0] == 201
        path = f"{CRONTABS}/b?fieldManager=me&fieldValidation=Strict"
        assert (await world.ask("PATCH", path, crontab("b", spec={"cronSpec": "x"}), content_type=APPLY))[0] == 201

    extended(test)


def test_anything_goes_where_unknown_fields_are_kept() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(schema={"type": "object", "x-kubernetes-preserve-unknown-fields": True}))
        assert (await world.ask("POST", STRICT, crontab("a", spec={"one": 1}, other=[{"two": 2}])))[0] == 201
        path = f"{CRONTABS}/a?fieldManager=me&fieldValidation=Strict"
        status, made = await world.ask("PATCH", path, crontab("a", more={"three": 3}), content_type=APPLY)
        assert status == 200 and made["more"] == {"three": 3} and made["other"] == [{"two": 2}]

    extended(test)


def test_an_embedded_object_must_be_one() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(schema=EMBEDDED))
        status, answer = await world.ask("POST", CRONTABS, crontab("a", spec={"template": {"metadata": {}}}))
        told = {one["field"]: one["message"] for one in answer["details"]["causes"]}
        assert status == 422 and told == {
            "spec.template.apiVersion": "Required value: must not be empty",
            "spec.template.kind": "Required value: must not be empty",
        }
        wrong = {**template(), "metadata": {"labels": {"a": 5}}}
        status, answer = await world.ask("POST", CRONTABS, crontab("a", spec={"template": wrong}))
        assert status == 400 and "cannot unmarshal number" in answer["message"]

    extended(test)


def test_nulls_and_whole_numbers_as_texts() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(schema=EMBEDDED))
        _, made = await world.ask("POST", CRONTABS, crontab("a", spec={"note": None, "size": "10%"}))
        assert made["spec"] == {"note": None, "size": "10%"}
        _, made = await world.ask("POST", CRONTABS, crontab("b", spec={"size": 3}))
        assert made["spec"] == {"note": "none", "size": 3}
        status, answer = await world.ask("POST", CRONTABS, crontab("c", spec={"size": True}))
        assert status == 422
        assert answer["details"]["causes"][0]["message"] == (
            'Invalid value: "boolean": spec.size in body must be of type integer,string: "boolean"'
        )
        _, merged = await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"size": None}}, content_type=MERGE)
        assert merged["spec"] == {"note": None}

    extended(test)
