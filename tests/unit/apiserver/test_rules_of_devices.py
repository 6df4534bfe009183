"""What claims for devices, their classes and the slices of a driver must be like, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, causes_of, created, one, told
from tests.unit.apiserver.world import World, in_world

V1 = "resource.k8s.io/v1"
ASKED: Obj = {"deviceClassName": "gpu"}
D = "spec.devices"
NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"


def claim(*requests: Obj, **devices: Any) -> Obj:
    return one(V1, "ResourceClaim", spec={"devices": {"requests": list(requests), **devices}})


def piece(*devices: Obj, **spec: Any) -> Obj:
    given = {"driver": "a.example.com", "pool": {"name": "p", "resourceSliceCount": 1}, "devices": list(devices)}
    return one(V1, "ResourceSlice", spec={**given, **spec})


NEW: list[tuple[Obj, list[str]]] = [
    (
        claim(
            {"name": "a", "firstAvailable": [{"name": "b", **ASKED}]},
            constraints=[{"requests": ["a", "a/b", "a/c"], "matchAttribute": "a.example.com/x"}, {}],
            config=[{"opaque": {"driver": "a.example.com", "parameters": {}}, "requests": ["c", "c"]}],
        ),
        [
            f'{D}.constraints[0].requests[2]: Invalid value: "a/c": {NO_REQUEST}',
            f'{D}.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required',
            f'{D}.config[0].requests[0]: Invalid value: "c": {NO_REQUEST}',
            f'{D}.config[0].requests[1]: Invalid value: "c": {NO_REQUEST}',
            f'{D}.config[0].requests[1]: Duplicate value: "c"',
        ],
    ),
    (
        claim(
            {"name": "a", "exactly": ASKED, "firstAvailable": [{"name": "b"}]},
            {"name": "b", "exactly": {**ASKED, "allocationMode": "All", "count": 1}},
            constraints=[{"distinctAttribute": "x y"}],
        ),
        [
            f"{D}.requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but ",
            f"{D}.requests[1].exactly.count: Invalid value: 1: must not be specified when allocationMode is 'All'",
            f'{D}.constraints[0].distinctAttribute: Invalid value: "x y": a valid C identifier must',
            f'{D}.constraints[0].distinctAttribute: Invalid value: "x y": a fully qualified name must be a domain and',
        ],
    ),
    (
        piece({"name": "a", "attributes": {"x/": {"int": 1}, "v": {"version": "1"}, "n": {}}}, allNodes=False),
        [
            "spec.allNodes: Invalid value: false: must be either unset or set to true",
            "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is",
            f'{D}[0].attributes: Invalid value: "": the name must not be empty',
            f'{D}[0].attributes[v].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0',
            f'{D}[0].attributes[n]: Invalid value: "": exactly one value must be specified',
        ],
    ),
    (
        piece({"name": "a", "attributes": {"a.example.com/v": {"version": "1.2.3-rc.1+b"}}}, nodeName="n"),
        [],
    ),
    (
        piece(nodeSelector={"nodeSelectorTerms": []}),
        ["spec.nodeSelector.nodeSelectorTerms: Invalid value: []: must have exactly one node selector term"],
    ),
    (
        one(V1, "DeviceClass", spec={"extendedResourceName": "kubernetes.io/gpu"}),
        ['spec.extendedResourceName: Invalid value: "kubernetes.io/gpu": must be a valid extended resource name'],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_they_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


def test_nobody_joins_a_claim_that_goes() -> None:
    async def test(world: World) -> None:
        target = f"/apis/{V1}/namespaces/default/resourceclaims/web"
        made = claim({"name": "a", "exactly": ASKED})
        made["metadata"]["finalizers"] = ["a.example/b"]
        await created(world, made)
        users = [{"resource": "pods", "name": name, "uid": name} for name in ("a", "b")]
        merge = "application/merge-patch+json"

        async def reserve(*who: Obj) -> list[str]:
            patch = {"status": {"allocation": {"devices": {}}, "reservedFor": list(who)}}
            return causes_of(*await world.ask("PATCH", f"{target}/status", patch, content_type=merge))

        assert await reserve(users[0]) == []
        await world.ask("DELETE", target)
        assert await reserve(*users) == [
            "status.reservedFor: Forbidden: "
            "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        ]
        assert await reserve(users[0]) == []

    in_world(test)
