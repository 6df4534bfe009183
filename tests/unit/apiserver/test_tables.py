"""Tables as ``kubectl get`` is sent them: what a row says beside its cells, the order of rows, and cells that upstream
has its own way with."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import TABLE, World, in_world, pod

DEFAULT = "namespaces/default"


async def table(world: World, target: str) -> dict[str, Any]:
    status, found = await world.ask("GET", target, accept=TABLE)
    assert (status, found["kind"]) == (200, "Table")
    return dict(found)


async def columns(world: World, target: str) -> list[tuple[str, str, str]]:
    heads = (await table(world, target))["columnDefinitions"]
    return [(head["name"], head["type"], head["format"]) for head in heads]


async def cells(world: World, target: str) -> dict[str, Any]:
    """The only row, by the names of its columns."""
    found = await table(world, target)
    (row,) = found["rows"]
    return {head["name"]: cell for head, cell in zip(found["columnDefinitions"], row["cells"], strict=True)}


def test_a_row_tells_that_a_pod_has_ended() -> None:
    async def test(world: World) -> None:
        for name, phase in (("a", "Failed"), ("b", "Running"), ("c", "Succeeded")):
            made = await world.client.create(pod(name))
            await world.client.update({**made, "status": {"phase": phase}}, subresource="status")
        rows = (await table(world, f"/api/v1/{DEFAULT}/pods"))["rows"]
        ended = {"type": "Completed", "status": "True"}
        assert [row.get("conditions") for row in rows] == [
            [{**ended, "reason": "Failed", "message": "The pod failed."}],
            None,
            [{**ended, "reason": "Succeeded", "message": "The pod has completed successfully."}],
        ]

    in_world(test)


def test_flow_schemas_are_in_the_order_in_which_they_match() -> None:
    async def test(world: World) -> None:
        found = await table(world, "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas")
        at = [head["name"] for head in found["columnDefinitions"]].index("MatchingPrecedence")
        precedences = [row["cells"][at] for row in found["rows"]]
        assert len(precedences) > 5 and precedences == sorted(precedences)

    in_world(test)


def test_columns_of_kinds_that_have_none_of_their_own() -> None:
    async def test(world: World) -> None:
        expected = [("Name", "string", "name"), ("Created At", "date", "")]
        for target in (
            f"/api/v1/{DEFAULT}/limitranges",
            f"/apis/rbac.authorization.k8s.io/v1/{DEFAULT}/roles",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        ):
            assert await columns(world, target) == expected, target
        assert [name for name, *_ in await columns(world, f"/api/v1/{DEFAULT}/podtemplates")][-1] == "Pod Labels"
        migrations = await columns(world, "/apis/storagemigration.k8s.io/v1/storageversionmigrations")
        assert migrations == [("Name", "string", ""), ("Resource", "string", "")]

    in_world(test)


def test_a_scale_is_shown_as_such() -> None:
    async def test(world: World) -> None:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
        spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template}
        metadata = {"name": "web", "namespace": "default"}
        await world.client.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
        row = await cells(world, f"/apis/apps/v1/{DEFAULT}/deployments/web/scale")
        assert (row["Name"], row["Desired"], row["Available"]) == ("web", 3, 0)

    in_world(test)


def test_what_autoscalers_aim_at() -> None:
    metrics = [
        {
            "type": "Resource",
            "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
        },
        {
            "type": "External",
            "external": {"metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": "30"}},
        },
    ]

    async def test(world: World) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        await world.client.create(
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"scaleTargetRef": target, "maxReplicas": 4, "metrics": metrics},
            }
        )
        row = await cells(world, f"/apis/autoscaling/v2/{DEFAULT}/horizontalpodautoscalers")
        assert row["Targets"] == "memory: <unknown>/1Gi, <unknown>/30 (avg)"

    in_world(test)


def test_addresses_of_an_ingress_are_never_cut() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
            }
        )
        given = [{"ip": "203.0.113.9"}, {"hostname": "a-long-name.example.com"}, {"ip": "203.0.113.9"}]
        await world.client.update({**made, "status": {"loadBalancer": {"ingress": given}}}, subresource="status")
        row = await cells(world, f"/apis/networking.k8s.io/v1/{DEFAULT}/ingresses")
        assert row["Address"] == "203.0.113.9,a-long-name.example.com"

    in_world(test)


def test_a_claim_that_names_a_volume_it_has_not_got_has_nothing() -> None:
    async def test(world: World) -> None:
        requests = {"requests": {"storage": "1Gi"}}
        spec = {"accessModes": ["ReadWriteOnce"], "resources": requests, "volumeName": "v", "storageClassName": ""}
        metadata = {"name": "data", "namespace": "default"}
        kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        await world.client.create({**kind, "metadata": metadata, "spec": spec})
        row = await cells(world, f"/api/v1/{DEFAULT}/persistentvolumeclaims")
        assert (row["Status"], row["Capacity"], row["Access Modes"]) == ("Pending", "0", "")

    in_world(test)


def test_what_a_table_cannot_include() -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("GET", f"/api/v1/{DEFAULT}/pods?includeObject=All", accept=TABLE)
        why = "includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty"
        assert (status, answer["message"]) == (400, f"Unable to convert to Table as requested: {why}")

    in_world(test)
