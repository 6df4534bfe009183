"""Aggregated discovery: every group, version and resource in one answer, custom ones among them; and the older form for
those that do not ask for it."""

from __future__ import annotations

import orjson
import pytest

from podo.http.message import Response
from tests.unit.apiserver.extension.definitions import DEFINITIONS, Extended, Obj, definition, extended
from tests.unit.apiserver.world import World, in_world, text_of

FORM = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


async def asked(world: World, accept: str, root: str = "apis") -> tuple[str, Obj]:
    """The content type and the body."""
    answer = await world.answer("GET", f"/{root}", accept=accept)
    assert isinstance(answer, Response)
    assert answer.status == 200
    return answer.content_type, orjson.loads(text_of(answer))


def resources_of(found: Obj, group: str, version: str) -> dict[str, Obj]:
    item = next(one for one in found["items"] if one["metadata"].get("name", "") == group)
    listed = next(one for one in item["versions"] if one["version"] == version)
    assert listed["freshness"] == "Current"
    return {one["resource"]: one for one in listed["resources"]}


def test_one_answer_has_every_group() -> None:
    async def test(world: World) -> None:
        _, core = await asked(world, FORM.format("v2"), "api")
        pods = resources_of(core, "", "v1")["pods"]
        assert pods["responseKind"] == {"group": "", "version": "v1", "kind": "Pod"}
        assert (pods["scope"], pods["singularResource"], pods["shortNames"]) == ("Namespaced", "pod", ["po"])
        assert {"create", "watch", "deletecollection"} <= set(pods["verbs"])
        assert "status" in [one["subresource"] for one in pods["subresources"]]
        _, found = await asked(world, FORM.format("v2"))
        assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
        for group, version, resource in (
            ("apps", "v1", "deployments"),
            ("batch", "v1", "jobs"),
            ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
            ("apiregistration.k8s.io", "v1", "apiservices"),
            ("discovery.k8s.io", "v1", "endpointslices"),
        ):
            assert resource in resources_of(found, group, version)

    in_world(test)


@pytest.mark.parametrize(
    ("accept", "kind", "version"),
    [
        (FORM.format("v2"), "APIGroupDiscoveryList", "v2"),
        (FORM.format("v2beta1"), "APIGroupDiscoveryList", "v2beta1"),
        (f"{FORM.format('v2')},{FORM.format('v2beta1')},application/json", "APIGroupDiscoveryList", "v2"),
        (f"{FORM.format('v3')},application/json", "APIGroupList", ""),
        (
            "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io,application/json",
            "APIGroupDiscoveryList",
            "v2",
        ),
        ("application/json", "APIGroupList", ""),
        ("", "APIGroupList", ""),
    ],
)
def test_the_form_is_the_one_that_is_asked_for(accept: str, kind: str, version: str) -> None:
    async def test(world: World) -> None:
        media, found = await asked(world, accept)
        assert found["kind"] == kind
        assert media == (FORM.format(version) if version else "application/json")
        if version:
            assert found["apiVersion"] == f"apidiscovery.k8s.io/{version}"

    in_world(test)


def test_custom_resources_come_and_go_with_their_definitions() -> None:
    async def test(world: Extended) -> None:
        obj = definition(subresources={"status": {}})
        await world.define(obj)
        for version in ("v2", "v2beta1"):
            _, found = await asked(world, FORM.format(version))
            crontabs = resources_of(found, "stable.example.com", "v1")["crontabs"]
            assert crontabs["responseKind"] == {"group": "stable.example.com", "version": "v1", "kind": "CronTab"}
            assert (crontabs["scope"], crontabs["shortNames"]) == ("Namespaced", ["ct"])
            assert crontabs["subresources"][0]["subresource"] == "status"
        _, legacy = await asked(world, "application/json")
        assert "stable.example.com" in [group["name"] for group in legacy["groups"]]
        service = "/apis/apiregistration.k8s.io/v1/apiservices/v1.stable.example.com"

        async def registered() -> Obj | None:
            status, made = await world.ask("GET", service)
            return made if status == 200 else None

        labels = (await world.until(registered))["metadata"]["labels"]
        assert labels == {"kube-aggregator.kubernetes.io/automanaged": "true"}
        await world.ask("DELETE", f"{DEFINITIONS}/crontabs.stable.example.com")
        await world.gone("/apis/stable.example.com/v1")
        await world.gone(service)
        _, found = await asked(world, FORM.format("v2"))
        assert "stable.example.com" not in [item["metadata"].get("name") for item in found["items"]]

    extended(test)
