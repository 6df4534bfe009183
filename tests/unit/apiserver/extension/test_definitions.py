"""CustomResourceDefinitions themselves: their rules, their names among each other, their end; and what is published."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from podo.http.message import Response
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
from tests.unit.apiserver.world import TABLE

NAME = f"{DEFINITIONS}/crontabs.stable.example.com"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def named(plural: str, kind: str, group: str = "stable.example.com", **names: Any) -> Obj:
    obj = definition()
    obj["metadata"]["name"] = f"{plural}.{group}"
    obj["spec"] |= {"group": group, "names": {"plural": plural, "kind": kind, **names}}
    return obj


def changed(path: str, value: Any) -> Obj:
    """The definition with something else at a path such as ``spec.versions.0.storage``."""
    obj: Any = definition()
    at = obj
    *parents, last = path.split(".")
    for name in parents:
        at = at[int(name)] if name.isdigit() else at.setdefault(name, {})
    at[last] = value
    return obj


SCHEMA = "spec.versions.0.schema.openAPIV3Schema"
AT = "spec.validation.openAPIV3Schema"
PROPERTY = f"{AT}.properties[x]"


def with_property(schema: Obj) -> Obj:
    return changed(SCHEMA, {"type": "object", "properties": {"x": schema}})


REFUSED: list[tuple[Obj, str, str]] = [
    (changed("metadata.name", "x.y"), "metadata.name", 'must be spec.names.plural+"."+spec.group'),
    (changed("spec.group", "nodot"), "spec.group", "should be a domain with at least one dot"),
    (changed("spec.scope", "Everywhere"), "spec.scope", 'supported values: "Cluster", "Namespaced"'),
    (changed("spec.versions.0.storage", False), "spec.versions", "must have exactly one version marked as storage"),
    (changed("spec.versions.0.name", "V1"), "spec.versions[0].name", "a DNS-1035 label must consist of lower case"),
    (changed("spec.names.listKind", "CronTab"), "spec.names.listKind", "kind and listKind may not be the same"),
    (changed("spec.names.shortNames", ["C T"]), "spec.names.shortNames[0]", "a DNS-1035 label must consist of"),
    (changed("spec.preserveUnknownFields", True), "spec.preserveUnknownFields", "cannot set to true, set x-kubern"),
    (changed("spec.versions.0.schema", {}), "spec.versions[0].schema.openAPIV3Schema", "Required value"),
    (changed("spec.conversion", {"strategy": "Webhook"}), "spec.conversion.webhookClientConfig", "required when"),
    (changed("spec.conversion", {"strategy": "Magic"}), "spec.conversion.strategy", "supported values"),
    (changed(SCHEMA, {"type": "array", "items": {"type": "string"}}), f"{AT}.type", "must be object at the root"),
    (changed(SCHEMA, {}), f"{AT}.type", "must not be empty at the root"),
    (with_property({}), f"{PROPERTY}.type", "must not be empty for specified object fields"),
    (with_property({"type": "text"}), f"{PROPERTY}.type", "Unsupported value"),
    (with_property({"type": "array"}), f"{PROPERTY}.items", "must be specified"),
    (with_property({"type": "array", "items": {}}), f"{PROPERTY}.items.type", "for specified array items"),
    (with_property({"type": "string", "pattern": "("}), f"{PROPERTY}.pattern", "error parsing regexp: missing )"),
    (
        with_property({"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        f"{PROPERTY}.uniqueItems",
        "quadratic",
    ),
    (with_property({"type": "string", "default": 5}), f"{PROPERTY}.default", "must be of type string"),
    (
        with_property({"type": "object", "properties": {"a": {"type": "string"}}, "default": {"b": 1}}),
        f"{PROPERTY}.default",
        "must not have unknown fields",
    ),
    (
        with_property({"type": "integer", "anyOf": [{"type": "integer"}]}),
        f"{PROPERTY}.anyOf[0].type",
        "to be structural",
    ),
    (
        with_property(
            {"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string"}}}
        ),
        f"{PROPERTY}.additionalProperties",
        "additionalProperties and properties are mutual exclusive",
    ),
    (
        with_property({"type": "object", "oneOf": [{"properties": {"a": {"minLength": 1}}}]}),
        f"{PROPERTY}.properties[a]",
        f"because it is defined in {PROPERTY}.oneOf[0].properties[a]",
    ),
    (
        with_property({"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}),
        f"{PROPERTY}.x-kubernetes-list-map-keys",
        "must not be empty if x-kubernetes-list-type is map",
    ),
    (
        with_property({"type": "object", "x-kubernetes-embedded-resource": True}),
        f"{PROPERTY}.properties",
        "must not be empty if x-kubernetes-embedded-resource is true without",
    ),
    (
        changed(
            SCHEMA,
            {
                "type": "object",
                "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
            },
        ),
        f"{AT}.properties[metadata]",
        "must not specify anything other than name and generateName",
    ),
    (
        changed("spec.versions.0.additionalPrinterColumns", [{"name": "x", "type": "text", "jsonPath": ".a"}]),
        "spec.additionalPrinterColumns[0].type",
        "must be one of boolean,date,integer,number,string",
    ),
    (
        changed("spec.versions.0.additionalPrinterColumns", [{"name": "x", "type": "string", "jsonPath": ".a["}]),
        "spec.additionalPrinterColumns[0].JSONPath",
        "is an invalid json path",
    ),
    (
        changed(
            "spec.versions.0.subresources",
            {"scale": {"specReplicasPath": ".status.n", "statusReplicasPath": ".status.n"}},
        ),
        "spec.subresources.scale.specReplicasPath",
        "should be a json path under .spec",
    ),
    (
        changed("spec.versions.0.selectableFields", [{"jsonPath": ".spec.nothing"}]),
        "spec.selectableFields[0].jsonPath",
        "does not refer to a valid field",
    ),
    (
        named("things", "Thing", "x.k8s.io"),
        "metadata.annotations[api-approved.kubernetes.io]",
        "protected groups must have approval annotation",
    ),
]


def test_a_definition_that_cannot_be_is_refused() -> None:
    async def test(world: Extended) -> None:
        for obj, field, why in REFUSED:
            status, answer = await world.ask("POST", DEFINITIONS, obj)
            assert status == 422, (why, answer)
            told = {one["field"]: one["message"] for one in answer["details"]["causes"]}
            assert why in told.get(field, f"nothing of it in {told}")

    extended(test)


def test_what_is_no_schema_is_refused() -> None:
    async def test(world: Extended) -> None:
        inners: tuple[Any, ...] = (
            "text",
            5,
            [],
            {"properties": []},
            {"items": {"type": 5}},
            {"items": {"required": "a"}},
            {"x": [{}]},
        )
        for keyword in ("items", "additionalProperties", "properties", "not", "default", "enum", "anyOf"):
            for inner in inners:
                for kind in ("object", "array"):
                    obj = with_property({"type": kind, keyword: inner})
                    status, answer = await world.ask("POST", f"{DEFINITIONS}?dryRun=All", obj)
                    assert status in (201, 400, 422), answer

    extended(test)


def test_what_objects_are_stored_by_cannot_change() -> None:
    async def test(world: Extended) -> None:
        made = await world.define(definition())
        for path, value in (("group", "other.example.com"), ("scope", "Cluster"), ("names", {"kind": "Cron"})):
            status, answer = await world.ask("PATCH", NAME, {"spec": {path: value}}, content_type=MERGE)
            assert status == 422 and "field is immutable" in answer["message"], path
        assert (await world.ask("GET", NAME))[1] == made

    extended(test)


def test_names_that_others_have_are_not_accepted_until_they_are_free() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        obj = named("crons", "Cron", shortNames=["ct"])
        await world.ask("POST", DEFINITIONS, obj)
        refused = await world.until_condition("crons.stable.example.com", "NamesAccepted", "False")
        told = {one["type"]: (one["reason"], one["message"]) for one in refused["status"]["conditions"]}
        assert told == {
            "NamesAccepted": ("ShortNamesConflict", '"ct" is already in use'),
            "Established": ("NotAccepted", "not all names are accepted"),
        }
        assert (await world.ask("GET", CRONTABS.replace("crontabs", "crons")))[0] == 404
        assert (await world.ask("DELETE", NAME))[0] == 200
        await world.established("crons.stable.example.com")
        assert (await world.ask("GET", CRONTABS.replace("crontabs", "crons")))[0] == 200

    extended(test)


def test_conditions_say_which_generation_they_are_about() -> None:
    async def test(world: Extended) -> None:
        made = await world.define(definition())
        name = f"{DEFINITIONS}/crontabs.stable.example.com"

        async def seen() -> set[int]:
            _, found = await world.ask("GET", name)
            return {one["observedGeneration"] for one in (found["status"], *found["status"]["conditions"])}

        assert made["metadata"]["generation"] == 1 and await seen() == {1}
        since = {one["type"]: one["lastTransitionTime"] for one in made["status"]["conditions"]}
        await world.ask("PATCH", name, {"spec": {"names": {"shortNames": ["cr"]}}}, content_type=MERGE)

        async def newer() -> bool:
            return await seen() == {2}

        await world.until(newer)
        _, found = await world.ask("GET", name)
        assert {one["type"]: one["lastTransitionTime"] for one in found["status"]["conditions"]} == since

    extended(test)


def test_one_name_in_two_groups_is_two_kinds() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        await world.define(named("crontabs", "CronTab", "other.example.com"))
        other = {**crontab("a", spec={"image": "other"}), "apiVersion": "other.example.com/v1"}
        await world.ask("POST", CRONTABS, crontab("a", spec={"image": "mine"}))
        assert (await world.ask("POST", CRONTABS.replace("stable", "other"), other))[0] == 201
        assert (await world.ask("GET", f"{CRONTABS}/a"))[1]["spec"]["image"] == "mine"

    extended(test)


def test_a_deleted_definition_takes_its_objects_with_it() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        held = crontab("held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await world.ask("POST", CRONTABS, held)
        await world.ask("POST", CRONTABS, crontab("free"))
        revision = (await world.ask("GET", CRONTABS))[1]["metadata"]["resourceVersion"]
        status, answer = await world.ask("DELETE", NAME)
        assert status == 200
        assert answer["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        await world.gone(f"{CRONTABS}/free")
        ends = await world.until_condition("crontabs.stable.example.com", "Terminating", "True")
        reasons = {one["type"]: one["reason"] for one in ends["status"]["conditions"]}
        assert reasons["Terminating"] in ("InstanceDeletionPending", "InstanceDeletionInProgress")
        assert (await world.ask("POST", CRONTABS, crontab("late")))[0] == 405
        patch = {"metadata": {"finalizers": None}}
        assert (await world.ask("PATCH", f"{CRONTABS}/held", patch, content_type=MERGE))[0] == 200
        await world.gone(NAME)
        assert (await world.ask("GET", CRONTABS))[0] == 404
        await world.define(definition())
        assert (await world.ask("GET", CRONTABS))[1]["items"] == []
        assert int(revision) > 0

    extended(test)


def test_a_watch_ends_with_its_kind() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        watching = asyncio.create_task(world.watch(f"{CRONTABS}?watch=1"))
        await asyncio.sleep(0)
        await world.ask("DELETE", NAME)
        await world.gone(NAME)
        assert await watching == []

    extended(test)


def test_a_dry_run_of_a_definition_serves_nothing() -> None:
    async def test(world: Extended) -> None:
        assert (await world.ask("POST", f"{DEFINITIONS}?dryRun=All", definition()))[0] == 201
        assert (await world.ask("GET", NAME))[0] == 404
        await world.define(definition())
        assert (await world.ask("DELETE", f"{NAME}?dryRun=All"))[0] == 200
        assert "deletionTimestamp" not in (await world.ask("GET", NAME))[1]["metadata"]

    extended(test)


def test_definitions_are_listed_watched_and_their_status_written() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        _, table = await world.ask("GET", DEFINITIONS, accept=TABLE)
        assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Created At"]
        assert table["rows"][0]["cells"][0] == "crontabs.stable.example.com"
        condition = {"type": "StatusUpdated", "status": "True", "reason": "E2E", "message": "set"}
        _, found = await world.ask("GET", f"{NAME}/status")
        found["status"]["conditions"].append(condition)
        status, after = await world.ask("PUT", f"{NAME}/status", found)
        assert status == 200 and after["status"]["conditions"][-1]["type"] == "StatusUpdated"
        patch = {"status": {"conditions": [*found["status"]["conditions"], {**condition, "type": "Patched"}]}}
        status, after = await world.ask("PATCH", f"{NAME}/status", patch, content_type=MERGE)
        assert status == 200 and [one["type"] for one in after["status"]["conditions"]][-1] == "Patched"
        events = await world.watch(f"{DEFINITIONS}?watch=1&timeoutSeconds=1&labelSelector=!none")
        assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
            ("ADDED", "crontabs.stable.example.com")
        ]

    extended(test)


def test_definitions_are_removed_as_a_collection() -> None:
    async def test(world: Extended) -> None:
        for plural, kind in (("gauges", "Gauge"), ("meters", "Meter"), ("clocks", "Clock")):
            obj = named(plural, kind)
            obj["metadata"]["labels"] = {"mine": "yes" if kind != "Clock" else "no"}
            await world.define(obj)
        selected = f"{DEFINITIONS}?labelSelector=mine%3Dyes"
        _, found = await world.ask("GET", selected)
        names = [item["metadata"]["name"] for item in found["items"]]
        assert names == ["gauges.stable.example.com", "meters.stable.example.com"]
        assert (await world.ask("DELETE", selected))[0] == 200
        for name in names:
            await world.gone(f"{DEFINITIONS}/{name}")
        assert (await world.ask("GET", f"{DEFINITIONS}/clocks.stable.example.com"))[0] == 200

    extended(test)


def test_custom_resources_are_watched_as_they_come_change_and_go() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        _, empty = await world.ask("GET", CRONTABS)
        revision = empty["metadata"]["resourceVersion"]
        for name in ("one", "two"):
            await world.ask("POST", CRONTABS, crontab(name))
            await world.ask("PATCH", f"{CRONTABS}/{name}", {"spec": {"image": "new"}}, content_type=MERGE)
            await world.ask("DELETE", f"{CRONTABS}/{name}")
        events = await world.watch(f"{CRONTABS}?watch=1&timeoutSeconds=1&resourceVersion={revision}")
        assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
            *(("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")),
            *(("ADDED", "two"), ("MODIFIED", "two"), ("DELETED", "two")),
        ]

    extended(test)


def test_each_patch_of_an_operator_is_one_event_with_what_was_answered() -> None:
    """Operators (kopf) go on when they see the revision that their last patch was answered with: until its last
    finalizer is gone, each change of an object is one event, in order; what changes nothing is none."""
    whole = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    one, json_patch = f"{CRONTABS}/one", "application/json-patch+json"

    async def test(world: Extended) -> None:
        await world.define(definition(schema=whole, subresources={"status": {}}))
        _, made = await world.ask("POST", CRONTABS, crontab("one"))
        answers = [made]

        async def patch(body: Any, part: str = "", kind: str = MERGE) -> dict[str, Any]:
            status, answer = await world.ask("PATCH", one + part, body, content_type=kind)
            assert status == 200, answer
            if answer["metadata"]["resourceVersion"] != answers[-1]["metadata"]["resourceVersion"]:
                answers.append(answer)
            return dict(answer)

        def tested(*operations: dict[str, Any]) -> list[dict[str, Any]]:
            revision = answers[-1]["metadata"]["resourceVersion"]
            return [{"op": "test", "path": "/metadata/resourceVersion", "value": revision}, *operations]

        await patch(tested({"op": "add", "path": "/metadata/finalizers", "value": ["x/y"]}), kind=json_patch)
        await patch({"metadata": {"annotations": {"x/last": "{}"}}})
        for ticks in (1, 2, 2):
            await patch({"status": {"ticks": ticks}}, "/status")
        await patch({"status": {"ticks": 9}})  # not by the main resource
        assert [answer.get("status") for answer in answers[-2:]] == [{"ticks": 1}, {"ticks": 2}]
        _, ending = await world.ask("DELETE", one)
        answers.append(ending)
        await patch({"metadata": {"annotations": {"x/touched": "1"}}})
        await patch({"metadata": {"annotations": {"x/touched": None}}})
        last = await patch(tested({"op": "remove", "path": "/metadata/finalizers"}), kind=json_patch)
        assert last["metadata"]["resourceVersion"] == answers[-1]["metadata"]["resourceVersion"]  # it is not stored
        begin = int(made["metadata"]["resourceVersion"]) - 1
        *changes, gone = await world.watch(f"{CRONTABS}?watch=1&timeoutSeconds=1&resourceVersion={begin}")
        assert [change["object"] for change in changes] == answers and len(answers) == 8
        assert [change["type"] for change in changes] == ["ADDED"] + ["MODIFIED"] * 7
        assert gone["type"] == "DELETED" and "finalizers" not in last["metadata"]
        revisions = [int(change["object"]["metadata"]["resourceVersion"]) for change in (*changes, gone)]
        assert revisions == sorted(set(revisions))

    extended(test)


# -- what is published -----------------------------------------------------------------------------------------------


def test_discovery_knows_the_kind_at_once() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(subresources={"status": {}}))
        _, groups = await world.ask("GET", "/apis")
        (group,) = [one for one in groups["groups"] if one["name"] == "stable.example.com"]
        assert group["preferredVersion"] == {"groupVersion": "stable.example.com/v1", "version": "v1"}
        _, listed = await world.ask("GET", "/apis/stable.example.com/v1")
        assert [(one["name"], one["kind"]) for one in listed["resources"]] == [
            ("crontabs", "CronTab"),
            ("crontabs/status", "CronTab"),
        ]
        assert listed["resources"][0]["shortNames"] == ["ct"] and listed["resources"][0]["categories"] == ["all"]
        _, whole = await world.ask("GET", "/apis", accept=AGGREGATED)
        (mine,) = [one for one in whole["items"] if one["metadata"]["name"] == "stable.example.com"]
        (resource,) = mine["versions"][0]["resources"]
        assert (resource["resource"], resource["scope"]) == ("crontabs", "Namespaced")
        assert [one["subresource"] for one in resource["subresources"]] == ["status"]
        await world.ask("DELETE", NAME)
        await world.gone(NAME)
        assert (await world.ask("GET", "/apis/stable.example.com/v1"))[0] == 404

    extended(test)


def test_discovery_documents_tell_of_definitions() -> None:
    async def test(world: Extended) -> None:
        _, groups = await world.ask("GET", "/apis")
        (group,) = [one for one in groups["groups"] if one["name"] == "apiextensions.k8s.io"]
        assert {"groupVersion": "apiextensions.k8s.io/v1", "version": "v1"} in group["versions"]
        assert (await world.ask("GET", "/apis/apiextensions.k8s.io"))[1]["name"] == "apiextensions.k8s.io"
        _, listed = await world.ask("GET", "/apis/apiextensions.k8s.io/v1")
        names = [one["name"] for one in listed["resources"]]
        assert names == ["customresourcedefinitions", "customresourcedefinitions/status"]

    extended(test)


def test_versions_are_preferred_by_their_maturity() -> None:
    async def test(world: Extended) -> None:
        obj = definition()
        first = obj["spec"]["versions"][0]
        for name in ("v2alpha1", "v10", "v2beta1"):
            obj["spec"]["versions"].append({**copy.deepcopy(first), "name": name, "storage": False})
        await world.define(obj)
        _, group = await world.ask("GET", "/apis/stable.example.com")
        assert [one["version"] for one in group["versions"]] == ["v10", "v1", "v2beta1", "v2alpha1"]

    extended(test)


def test_openapi_tells_of_the_schema() -> None:
    async def test(world: Extended) -> None:
        spec = {"type": "object", "properties": {"n": {"type": "integer", "description": "how many", "nullable": True}}}
        await world.define(definition(spec))
        _, index = await world.ask("GET", "/openapi/v3")
        place = index["paths"]["apis/stable.example.com/v1"]["serverRelativeURL"]
        _, three = await world.ask("GET", place.partition("?")[0])
        schema = three["components"]["schemas"]["com.example.stable.v1.CronTab"]
        assert schema["properties"]["spec"] == spec
        assert set(schema["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}
        kinds = [{"group": "stable.example.com", "version": "v1", "kind": "CronTab"}]
        assert schema["x-kubernetes-group-version-kind"] == kinds
        assert "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" in three["components"]["schemas"]
        path = three["paths"]["/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}"]
        assert "application/strategic-merge-patch+json" not in path["patch"]["requestBody"]["content"]
        _, two = await world.ask("GET", "/openapi/v2")
        schema = two["definitions"]["com.example.stable.v1.CronTab"]
        assert schema["properties"]["spec"]["properties"]["n"] == {"description": "how many"}
        before = await world.answer("GET", "/openapi/v2")
        assert isinstance(before, Response)
        await world.ask("DELETE", NAME)
        await world.gone(NAME)
        _, two = await world.ask("GET", "/openapi/v2")
        assert "com.example.stable.v1.CronTab" not in two["definitions"]
        assert "apis/stable.example.com/v1" not in (await world.ask("GET", "/openapi/v3"))[1]["paths"]

    extended(test)


def test_a_version_no_longer_served_is_no_longer_published() -> None:
    async def test(world: Extended) -> None:
        obj = definition()
        second = {**copy.deepcopy(obj["spec"]["versions"][0]), "name": "v2", "storage": False}
        obj["spec"]["versions"].append(second)
        await world.define(obj)
        assert (await world.ask("GET", "/openapi/v3/apis/stable.example.com/v2"))[0] == 200
        versions = [obj["spec"]["versions"][0], {**second, "served": False}]
        assert (await world.ask("PATCH", NAME, {"spec": {"versions": versions}}, content_type=MERGE))[0] == 200
        assert (await world.ask("GET", "/openapi/v3/apis/stable.example.com/v2"))[0] == 404
        renamed = [obj["spec"]["versions"][0], {**second, "name": "v3"}]
        assert (await world.ask("PATCH", NAME, {"spec": {"versions": renamed}}, content_type=MERGE))[0] == 200
        assert (await world.ask("GET", "/openapi/v3/apis/stable.example.com/v3"))[0] == 200

    extended(test)


# -- owners, namespaces, permissions ---------------------------------------------------------------------------------


def test_custom_resources_own_and_are_owned() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        _, owner = await world.ask("POST", CRONTABS, crontab("owner"))
        reference = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "name": "owner"}
        reference["uid"] = owner["metadata"]["uid"]
        child = crontab("child")
        child["metadata"]["ownerReferences"] = [reference]
        await world.ask("POST", CRONTABS, child)
        metadata = {"name": "notes", "ownerReferences": [reference]}
        maps = "/api/v1/namespaces/default/configmaps"
        await world.ask("POST", maps, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        await world.ask("DELETE", f"{CRONTABS}/owner")
        await world.gone(f"{CRONTABS}/child")
        await world.gone(f"{maps}/notes")

    extended(test, owners=True)


def test_orphans_of_an_owner_stay() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        _, owner = await world.ask("POST", CRONTABS, crontab("owner"))
        reference = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "name": "owner"}
        child = crontab("child")
        child["metadata"]["ownerReferences"] = [{**reference, "uid": owner["metadata"]["uid"]}]
        await world.ask("POST", CRONTABS, child)
        await world.ask("DELETE", f"{CRONTABS}/owner?propagationPolicy=Orphan")
        await world.gone(f"{CRONTABS}/owner")
        assert "ownerReferences" not in (await world.ask("GET", f"{CRONTABS}/child"))[1]["metadata"]

    extended(test, owners=True)


def test_a_namespace_goes_with_its_custom_resources() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        await world.ask(
            "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
        )
        there = CRONTABS.replace("default", "n")
        held = crontab("held")
        held["metadata"] |= {"namespace": "n", "finalizers": ["example.com/hold"]}
        assert (await world.ask("POST", there, held))[0] == 201
        await world.ask("DELETE", "/api/v1/namespaces/n")

        async def told() -> bool:
            _, found = await world.ask("GET", "/api/v1/namespaces/n")
            said = [one["message"] for one in found["status"].get("conditions") or ()]
            return any("crontabs.stable.example.com has 1 resource instances" in message for message in said)

        await world.until(told)
        await world.ask("PATCH", f"{there}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)
        await world.gone("/api/v1/namespaces/n")

    extended(test, owners=True)


def test_a_quota_counts_custom_resources() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition())
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "one"}}
        quota["spec"] = {"hard": {"count/crontabs.stable.example.com": "1"}}
        await world.ask("POST", "/api/v1/namespaces/default/resourcequotas", quota)
        assert (await world.ask("POST", CRONTABS, crontab("a")))[0] == 201
        status, answer = await world.ask("POST", CRONTABS, crontab("b"))
        assert status == 403 and "exceeded quota: one" in answer["message"]

    extended(test)


def test_permissions_name_custom_resources_as_others() -> None:
    async def test(world: Extended) -> None:
        from tests.unit.apiserver.world import certificate

        await world.define(definition())
        jane = certificate("jane")
        status, answer = await world.ask("GET", CRONTABS, who=jane)
        assert (
            status == 403 and 'cannot list resource "crontabs" in API group "stable.example.com"' in answer["message"]
        )
        rules = [{"apiGroups": ["stable.example.com"], "resources": ["crontabs"], "verbs": ["list"]}]
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        version = "rbac.authorization.k8s.io/v1"
        role = {"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": "crons"}, "rules": rules}
        await world.ask("POST", f"{rbac}/clusterroles", role)
        binding = {
            "apiVersion": version,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "crons"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "crons"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
        }
        await world.ask("POST", f"{rbac}/clusterrolebindings", binding)
        assert (await world.ask("GET", CRONTABS, who=jane))[0] == 200

    extended(test)
