"""Owners of fields in several versions: what a write in one version changes is looked at in the version of each."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import World, in_world

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = V1.replace("/v1/", "/v2/")
Obj = dict[str, Any]


def metrics(percent: int) -> list[Obj]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def autoscaler(version: str, **spec: Any) -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 9, **spec},
    }


def only(version: str, **spec: Any) -> Obj:
    return {**autoscaler(version), "spec": spec}


async def applied(world: World, path: str, config: Obj, manager: str, more: str = "") -> tuple[int, Obj]:
    return await world.ask("PATCH", f"{path}?fieldManager={manager}{more}", config, content_type=APPLY)


def owned(obj: Obj) -> dict[tuple[str, str], Any]:
    """What is owned of the spec, by manager and version."""
    entries = obj["metadata"].get("managedFields") or ()
    return {(one["manager"], one["apiVersion"]): one["fieldsV1"].get("f:spec") for one in entries}


def test_an_update_in_one_version_takes_what_is_owned_in_the_other() -> None:
    async def test(world: World) -> None:
        config = autoscaler("v2", metrics=metrics(50), minReplicas=2)
        assert (await applied(world, f"{V2}/web", config, "boss"))[0] == 201
        patch = {"spec": {"targetCPUUtilizationPercentage": 70}}
        status, found = await world.ask("PATCH", f"{V1}/web?fieldManager=old", patch, content_type=MERGE)
        assert status == 200 and found["spec"]["targetCPUUtilizationPercentage"] == 70
        shares = owned(found)
        assert shares["old", "autoscaling/v1"] == {"f:targetCPUUtilizationPercentage": {}}
        boss = shares["boss", "autoscaling/v2"]
        assert "f:metrics" not in boss and {"f:minReplicas", "f:maxReplicas"} <= boss.keys()
        status, refused = await applied(world, f"{V2}/web", config, "boss")
        assert status == 409
        assert refused["details"]["causes"] == [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "old" using autoscaling/v1',
                "field": ".spec.targetCPUUtilizationPercentage",
            }
        ]
        status, forced = await applied(world, f"{V2}/web", config, "boss", "&force=true")
        assert status == 200 and forced["spec"]["metrics"] == metrics(50)
        assert ("old", "autoscaling/v1") not in owned(forced)

    in_world(test)


def test_who_changes_something_else_takes_nothing() -> None:
    async def test(world: World) -> None:
        await applied(world, f"{V2}/web", autoscaler("v2", metrics=metrics(50)), "boss")
        patch = {"spec": {"maxReplicas": 4}}
        _, found = await world.ask("PATCH", f"{V1}/web?fieldManager=old", patch, content_type=MERGE)
        boss = owned(found)["boss", "autoscaling/v2"]
        assert "f:metrics" in boss and "f:maxReplicas" not in boss
        config = autoscaler("v2", metrics=metrics(60))
        del config["spec"]["maxReplicas"]
        status, again = await applied(world, f"{V2}/web", config, "boss")
        assert status == 200 and again["spec"]["metrics"] == metrics(60) and again["spec"]["maxReplicas"] == 4

    in_world(test)


def test_an_applier_goes_on_in_another_version() -> None:
    """What it applied in v1 and applies no more in v2 goes; what is the same in both stays."""

    async def test(world: World) -> None:
        config = autoscaler("v1", targetCPUUtilizationPercentage=50, minReplicas=3)
        assert (await applied(world, f"{V1}/web", config, "boss"))[0] == 201
        status, found = await applied(world, f"{V2}/web", autoscaler("v2", metrics=metrics(50)), "boss")
        assert status == 200, found
        assert found["spec"]["metrics"] == metrics(50)
        assert found["spec"]["minReplicas"] == 1  # the default: nobody wants 3 any more
        assert [*owned(found)] == [("boss", "autoscaling/v2")]

    in_world(test)


def test_what_another_owns_in_another_version_is_not_pruned() -> None:
    async def test(world: World) -> None:
        await applied(world, f"{V1}/web", autoscaler("v1", targetCPUUtilizationPercentage=50, minReplicas=3), "boss")
        shared = only("v2", metrics=metrics(50))
        assert (await applied(world, f"{V2}/web", shared, "friend"))[0] == 200
        status, found = await applied(world, f"{V1}/web", autoscaler("v1"), "boss")
        assert status == 200 and found["spec"]["targetCPUUtilizationPercentage"] == 50
        assert found["spec"]["minReplicas"] == 1
        assert owned(found)["friend", "autoscaling/v2"] == {"f:metrics": {}}

    in_world(test)


def test_owners_in_versions_that_are_served_no_more_are_forgotten() -> None:
    async def test(world: World) -> None:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1"}}
        maps = "/api/v1/namespaces/default/configmaps"
        entry = {
            "manager": "past",
            "operation": "Update",
            "apiVersion": "v1beta9",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:b": {}}},
        }
        _, found = await world.ask("POST", maps, {**made, "metadata": {"name": "m", "managedFields": [entry]}})
        assert "past" in {one["manager"] for one in found["metadata"]["managedFields"]}
        _, found = await world.ask("PATCH", f"{maps}/m", {"data": {"a": "2"}}, content_type=MERGE)
        assert "past" not in {one["manager"] for one in found["metadata"]["managedFields"]}

    in_world(test)


def test_events_of_both_groups_are_one_object() -> None:
    async def test(world: World) -> None:
        about = {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "default"}
        event = {
            "metadata": {"name": "e"},
            "regarding": about,
            "note": "x",
            "type": "Normal",
            "reason": "R",
            "action": "A",
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": "example.com/c",
            "reportingInstance": "c-1",
        }
        core = "/api/v1/namespaces/default/events"
        new = "/apis/events.k8s.io/v1/namespaces/default/events"
        status, made = await world.ask("POST", f"{new}?fieldManager=new", event)
        assert status == 201, made
        _, found = await world.ask("PATCH", f"{core}/e?fieldManager=core", {"message": "y"}, content_type=MERGE)
        assert found["message"] == "y", found
        shares = {one["manager"]: one["fieldsV1"] for one in found["metadata"]["managedFields"]}
        assert "f:message" in shares["core"] and "f:note" not in shares["new"] and "f:reason" in shares["new"]

    in_world(test)
