"""Custom resources through the API: every verb as for built-in kinds, by the schema of their definition."""

from __future__ import annotations

import orjson

from podo.http.message import Response
from tests.unit.apiserver.extension.definitions import (
    APPLY,
    CRONTABS,
    DEFINITIONS,
    MERGE,
    Extended,
    crontab,
    definition,
    extended,
)
from tests.unit.apiserver.world import TABLE, text_of

PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"


def test_a_kind_is_served_from_its_definition_on() -> None:
    async def test(world: Extended) -> None:
        assert (await world.ask("GET", CRONTABS))[0] == 404
        made = await world.define(definition())
        assert made["status"]["storedVersions"] == ["v1"]
        assert made["status"]["acceptedNames"] == {
            "plural": "crontabs",
            "singular": "crontab",
            "kind": "CronTab",
            "listKind": "CronTabList",
            "shortNames": ["ct"],
            "categories": ["all"],
        }
        status, made = await world.ask("POST", CRONTABS, crontab("a", spec={"cronSpec": "* * * * */5"}))
        assert (status, made["spec"]) == (201, {"cronSpec": "* * * * */5", "image": "cron:1", "replicas": 1})
        assert made["metadata"]["generation"] == 1
        assert (await world.ask("POST", CRONTABS, crontab("a")))[0] == 409
        assert await world.ask("GET", f"{CRONTABS}/a") == (200, made)
        status, found = await world.ask("GET", CRONTABS)
        assert (found["kind"], found["apiVersion"], found["items"]) == ("CronTabList", "stable.example.com/v1", [made])

        made["spec"]["replicas"] = 3
        status, updated = await world.ask("PUT", f"{CRONTABS}/a", made)
        assert (status, updated["spec"]["replicas"], updated["metadata"]["generation"]) == (200, 3, 2)
        status, answer = await world.ask("PUT", f"{CRONTABS}/a", made)
        assert (status, answer["reason"]) == (409, "Conflict")
        patch = {"spec": {"image": None}}
        status, patched = await world.ask("PATCH", f"{CRONTABS}/a", patch, content_type=MERGE)
        assert patched["spec"] == {"cronSpec": "* * * * */5", "image": "cron:1", "replicas": 3}
        operations = [{"op": "replace", "path": "/spec/replicas", "value": 4}]
        status, patched = await world.ask(
            "PATCH", f"{CRONTABS}/a", operations, content_type="application/json-patch+json"
        )
        assert patched["spec"]["replicas"] == 4
        status, refused = await world.ask(
            "PATCH", f"{CRONTABS}/a", {}, content_type="application/strategic-merge-patch+json"
        )
        assert status == 415 and "application/apply-patch+yaml" in refused["message"]
        assert (await world.ask("DELETE", f"{CRONTABS}/a"))[0] == 200
        await world.ask("POST", CRONTABS, crontab("b"))
        assert (await world.ask("DELETE", CRONTABS))[0] == 200
        assert (await world.ask("GET", CRONTABS))[1]["items"] == []

    extended(test)


def test_a_dry_run_stores_nothing() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        status, made = await world.ask("POST", f"{CRONTABS}?dryRun=All", crontab("a", spec={}))
        assert (status, made["spec"]["replicas"]) == (201, 1)
        assert (await world.ask("GET", f"{CRONTABS}/a"))[0] == 404

    extended(test)


def test_what_the_schema_refuses_is_told_with_its_place() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        spec = {"cronSpec": 5, "replicas": 11}
        status, answer = await world.ask("POST", CRONTABS, crontab("a", spec=spec))
        assert (status, answer["reason"]) == (422, "Invalid")
        assert answer["details"]["causes"] == [
            {
                "reason": "FieldValueTypeInvalid",
                "message": 'Invalid value: "integer": spec.cronSpec in body must be of type string: "integer"',
                "field": "spec.cronSpec",
            },
            {
                "reason": "FieldValueInvalid",
                "message": "Invalid value: 11: spec.replicas in body should be less than or equal to 10",
                "field": "spec.replicas",
            },
        ]
        assert answer["message"].startswith('CronTab.stable.example.com "a" is invalid: [spec.cronSpec: ')

    extended(test)


def test_unknown_fields_are_pruned_warned_of_or_refused() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        sent = crontab("a", spec={"cronSpec": "x", "extra": {"a": 1}}, other=1)
        sent["metadata"]["foo"] = "bar"
        told = ['unknown field "metadata.foo"', 'unknown field "spec.extra"', 'unknown field "other"']
        status, answer = await world.ask("POST", f"{CRONTABS}?fieldValidation=Strict", sent)
        assert (status, answer["reason"]) == (400, "BadRequest")
        assert all(message in answer["message"] for message in told)
        warned = await world.answer("POST", f"{CRONTABS}?fieldValidation=Warn", sent)
        assert isinstance(warned, Response)
        headers = [value for name, value in warned.headers if name == "Warning"]
        assert len(headers) == 3 and 'unknown field \\"spec.extra\\"' in headers[1]
        made = orjson.loads(text_of(warned))
        assert "extra" not in made["spec"] and "other" not in made and "foo" not in made["metadata"]
        sent["metadata"]["name"] = "b"
        ignored = await world.answer("POST", f"{CRONTABS}?fieldValidation=Ignore", sent)
        assert ignored.status == 201 and not [1 for name, _ in ignored.headers if name == "Warning"]

    extended(test)


def test_duplicate_fields_are_found_where_unknown_ones_are_kept() -> None:
    async def test(world: Extended) -> None:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await world.define(definition(schema=schema))
        body = b'{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"a"},"s":{"x":1,"x":2}}'
        status, answer = await world.ask("POST", f"{CRONTABS}?fieldValidation=Strict", body)
        assert status == 400 and 'duplicate field "s.x"' in answer["message"]
        status, made = await world.ask("POST", CRONTABS, crontab("a", anything={"at": ["all"]}))
        assert (status, made["anything"]) == (201, {"at": ["all"]})

    extended(test)


def test_server_side_apply_follows_the_schema() -> None:
    async def test(world: Extended) -> None:
        item = {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
        }
        spec = {
            "type": "object",
            "properties": {
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": item,
                },
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "words": {"type": "array", "items": {"type": "string"}},
            },
        }
        await world.define(definition(spec))

        async def apply(manager: str, wanted: object, force: str = "") -> tuple[int, dict]:
            path = f"{CRONTABS}/a?fieldManager={manager}{force}"
            return await world.ask("PATCH", path, crontab("a", spec=wanted), content_type=APPLY)

        status, made = await apply("one", {"ports": [{"name": "a", "n": 1}], "tags": ["x"], "words": ["w"]})
        assert status == 201, made
        (entry,) = made["metadata"]["managedFields"]
        assert entry["fieldsV1"]["f:spec"] == {
            "f:ports": {'k:{"name":"a"}': {".": {}, "f:n": {}, "f:name": {}}},
            "f:tags": {'v:"x"': {}},
            "f:words": {},
        }
        status, both = await apply("two", {"ports": [{"name": "b", "n": 2}], "tags": ["y"]})
        assert status == 200
        assert both["spec"] == {
            "ports": [{"name": "a", "n": 1}, {"name": "b", "n": 2}],
            "tags": ["x", "y"],
            "words": ["w"],
        }
        status, conflict = await apply("two", {"ports": [{"name": "a", "n": 5}]})
        assert status == 409
        assert conflict["details"]["causes"][0]["field"] == '.spec.ports[name="a"].n'
        assert (await apply("two", {"ports": [{"name": "a", "n": 5}]}, "&force=true"))[0] == 200
        status, left = await apply("one", {"tags": ["x"]})
        assert left["spec"] == {"ports": [{"name": "a", "n": 5}], "tags": ["x"]}
        status, refused = await apply("one", {"unknown": 1})
        assert status == 400 and ".spec.unknown: field not declared in schema" in refused["message"]

    extended(test)


def test_status_is_apart_and_touches_nothing_else() -> None:
    async def test(world: Extended) -> None:
        schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["status"]["properties"]["done"] = {"type": "integer"}
        await world.define(definition(schema=schema, subresources={"status": {}}))
        _, made = await world.ask("POST", CRONTABS, crontab("a", spec={}, status={"done": 1}))
        assert "status" not in made
        sent = {**made, "status": {"done": 2}, "spec": {"replicas": 9}}
        sent["metadata"] = {**made["metadata"], "labels": {"a": "b"}}
        status, after = await world.ask("PUT", f"{CRONTABS}/a/status", sent)
        assert (status, after["status"], after["spec"]["replicas"]) == (200, {"done": 2}, 1)
        assert "labels" not in after["metadata"] and after["metadata"]["generation"] == 1
        parts = {one.get("subresource", ""): one["fieldsV1"] for one in after["metadata"]["managedFields"]}
        assert parts["status"] == {"f:status": {".": {}, "f:done": {}}}
        status, refused = await world.ask(
            "PATCH", f"{CRONTABS}/a/status", {"status": {"done": "x"}}, content_type=MERGE
        )
        assert status == 422 and refused["details"]["causes"][0]["field"] == "status.done"
        _, after = await world.ask(
            "PATCH", f"{CRONTABS}/a", {"status": {"done": 7}, "spec": {"replicas": 2}}, content_type=MERGE
        )
        assert after["status"] == {"done": 2} and after["metadata"]["generation"] == 2

    extended(test)


def test_without_a_status_of_its_own_every_change_counts() -> None:
    async def test(world: Extended) -> None:
        schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["status"]["properties"]["done"] = {"type": "integer"}
        await world.define(definition(schema=schema))
        _, made = await world.ask("POST", CRONTABS, crontab("a", status={"done": 1}))
        assert made["status"] == {"done": 1}
        _, after = await world.ask("PATCH", f"{CRONTABS}/a", {"status": {"done": 2}}, content_type=MERGE)
        assert after["metadata"]["generation"] == 2
        assert (await world.ask("PUT", f"{CRONTABS}/a/status", after))[0] == 404

    extended(test)


SCALE = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
}


def test_scale_reads_and_writes_where_the_definition_says() -> None:
    async def test(world: Extended) -> None:
        schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        fields = {"replicas": {"type": "integer"}, "selector": {"type": "string"}}
        schema["properties"]["status"]["properties"] = fields
        await world.define(definition(schema=schema, subresources=SCALE))
        await world.ask("POST", CRONTABS, crontab("a", spec={"replicas": 2}))
        status = {"status": {"replicas": 1, "selector": "app=cron"}}
        assert (await world.ask("PATCH", f"{CRONTABS}/a/status", status, content_type=MERGE))[0] == 200
        _, scale = await world.ask("GET", f"{CRONTABS}/a/scale")
        assert (scale["kind"], scale["spec"], scale["status"]) == (
            "Scale",
            {"replicas": 2},
            {"replicas": 1, "selector": "app=cron"},
        )
        scale["spec"]["replicas"] = 5
        code, scaled = await world.ask("PUT", f"{CRONTABS}/a/scale", scale)
        assert (code, scaled["spec"]["replicas"]) == (200, 5)
        assert (await world.ask("GET", f"{CRONTABS}/a"))[1]["metadata"]["generation"] == 2
        code, _ = await world.ask("PATCH", f"{CRONTABS}/a/scale", {"spec": {"replicas": 11}}, content_type=MERGE)
        assert code == 422

    extended(test)


def test_tables_have_the_columns_of_the_definition() -> None:
    async def test(world: Extended) -> None:
        columns = [
            {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec", "description": "when"},
            {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1},
            {"name": "Missing", "type": "string", "jsonPath": ".spec.none"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ]
        await world.define(definition(additionalPrinterColumns=columns))
        await world.ask("POST", CRONTABS, crontab("a", spec={"cronSpec": "x"}))
        _, table = await world.ask("GET", CRONTABS, accept=TABLE)
        heads = [(one["name"], one["type"], one["priority"]) for one in table["columnDefinitions"]]
        assert heads == [
            ("Name", "string", 0),
            ("Spec", "string", 0),
            ("Replicas", "integer", 1),
            ("Missing", "string", 0),
            ("Age", "date", 0),
        ]
        assert table["columnDefinitions"][1]["description"] == "when"
        assert table["rows"][0]["cells"] == ["a", "x", 1, None, "0s"]
        _, small = await world.ask("GET", f"{CRONTABS}/a", accept=PARTIAL)
        assert (small["kind"], small["metadata"]["name"]) == ("PartialObjectMetadata", "a")

    extended(test)


def test_selectable_fields_select_in_lists_and_watches() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(selectableFields=[{"jsonPath": ".spec.image"}, {"jsonPath": ".spec.replicas"}]))
        for name, image in (("a", "one"), ("b", "two")):
            await world.ask("POST", CRONTABS, crontab(name, spec={"image": image}))
        _, found = await world.ask("GET", f"{CRONTABS}?fieldSelector=spec.image%3Dtwo,spec.replicas%3D1")
        assert [one["metadata"]["name"] for one in found["items"]] == ["b"]
        status, answer = await world.ask("GET", f"{CRONTABS}?fieldSelector=spec.cronSpec%3Dx")
        assert (status, answer["message"]) == (400, "field label not supported: spec.cronSpec")
        revision = found["metadata"]["resourceVersion"]
        await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"image": "two"}}, content_type=MERGE)
        await world.ask("PATCH", f"{CRONTABS}/b", {"spec": {"image": "one"}}, content_type=MERGE)
        selected = f"{CRONTABS}?watch=1&resourceVersion={revision}&timeoutSeconds=1&fieldSelector=spec.image%3Dtwo"
        events = await world.watch(selected)
        assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
            ("ADDED", "a"),
            ("DELETED", "b"),
        ]

    extended(test)


def test_names_are_those_of_subdomains() -> None:
    async def test(world: Extended) -> None:
        schema = {
            "type": "object",
            "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 4}}}},
        }
        await world.define(definition(schema=schema))
        status, answer = await world.ask("POST", CRONTABS, crontab("A_b"))
        assert (status, answer["details"]["causes"][0]["field"]) == (422, "metadata.name")
        status, answer = await world.ask("POST", CRONTABS, crontab("abcde"))
        cause = {
            "reason": "FieldValueTooLong",
            "message": "Too long: may not be more than 4 bytes",
            "field": "metadata.name",
        }
        assert answer["details"]["causes"] == [cause]
        generated = {**crontab(""), "metadata": {"generateName": "x"}}
        assert (await world.ask("POST", CRONTABS, generated))[0] == 422  # with its suffix it is too long

    extended(test)


def test_a_definition_says_the_scope() -> None:
    async def test(world: Extended) -> None:
        obj = definition()
        obj["spec"]["scope"] = "Cluster"
        await world.define(obj)
        one = crontab("a")
        del one["metadata"]["namespace"]
        assert (await world.ask("POST", "/apis/stable.example.com/v1/crontabs", one))[0] == 201
        assert (await world.ask("GET", f"{DEFINITIONS}/crontabs.stable.example.com"))[0] == 200
        assert (await world.ask("GET", CRONTABS))[0] == 404

    extended(test)


def test_a_finalizer_that_others_might_use_is_warned_of_once() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        held = crontab("a")
        held["metadata"]["finalizers"] = ["hold", "example.com/hold"]
        told = [text for name, text in (await world.answer("POST", CRONTABS, held)).headers if name == "Warning"]
        assert len(told) == 1 and 'metadata.finalizers: \\"hold\\": prefer a domain-qualified' in told[0]
        patched = await world.answer("PATCH", f"{CRONTABS}/a", {"spec": {"replicas": 2}}, content_type=MERGE)
        assert [name for name, _ in patched.headers if name == "Warning"] == []

    extended(test)
