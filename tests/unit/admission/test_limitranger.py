"""LimitRange: defaults that pods get, and pods and claims outside of the limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.world import World, in_world, pod

LIMITS = "/api/v1/namespaces/default/limitranges"
PODS = "/api/v1/namespaces/default/pods"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"


def limit_range(*items: dict[str, Any], name: str = "limits", **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": list(items)}}


def asking(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    resources = {name: value for name, value in (("requests", requests), ("limits", limits)) if value}
    return {"containers": [{"name": "main", "image": "nginx", "resources": resources}]}


async def made(world: World, *items: dict[str, Any]) -> dict[str, Any]:
    status, answer = await world.ask("POST", LIMITS, limit_range(*items))
    assert status == 201, answer
    return answer["spec"]["limits"]


async def refusal(world: World, spec: dict[str, Any]) -> str:
    status, answer = await world.ask("POST", PODS, pod("p", **spec))
    assert (status, answer["reason"]) == (403, "Forbidden"), answer
    return answer["message"]


def claim(size: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec}


def test_defaults_reach_pods_and_are_noted() -> None:
    """Conformance: LimitRange, resources."""

    async def test(world: World) -> None:
        least = {"cpu": "50m", "memory": "100Mi", "ephemeral-storage": "100Gi"}
        most = {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"}
        default = {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"}
        request = {"cpu": "100m", "memory": "200Mi", "ephemeral-storage": "200Gi"}
        item = {"type": "Container", "min": least, "max": most, "default": default, "defaultRequest": request}
        (stored,) = await made(world, item)
        assert stored == item
        status, plain = await world.ask("POST", PODS, pod("plain"))
        assert status == 201, plain
        assert plain["spec"]["containers"][0]["resources"] == {"requests": request, "limits": default}
        assert plain["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu, ephemeral-storage, memory request for container main; "
            "cpu, ephemeral-storage, memory limit for container main"
        )
        given = asking({"cpu": "300m", "memory": "150Mi"}, {"cpu": "300m", "memory": "500Mi"})
        status, partly = await world.ask("POST", PODS, pod("partly", **given))
        resources = partly["spec"]["containers"][0]["resources"]
        assert resources["requests"] == {"cpu": "300m", "memory": "150Mi", "ephemeral-storage": "200Gi"}
        assert resources["limits"] == {"cpu": "300m", "memory": "500Mi", "ephemeral-storage": "500Gi"}
        too_small = asking({"cpu": "10m", "memory": "50Mi"}, {"cpu": "50m", "memory": "100Mi"})
        message = await refusal(world, too_small)
        assert message.startswith('pods "p" is forbidden: [minimum ')
        assert "minimum cpu usage per Container is 50m, but request is 10m" in message
        too_large = asking({"cpu": "300m"}, {"cpu": "600m", "memory": "600Mi"})
        message = await refusal(world, too_large)
        assert "maximum cpu usage per Container is 500m, but limit is 600m" in message
        status, answer = await world.ask("DELETE", f"{LIMITS}/limits")
        assert status == 200, answer
        status, free = await world.ask("POST", PODS, pod("free", **too_large))
        assert status == 201 and "annotations" not in free["metadata"]

    in_world(test)


def test_list_patch_and_delete_by_collection() -> None:
    """Conformance: LimitRange, list, patch and delete a LimitRange by collection."""

    async def test(world: World) -> None:
        item = {"type": "Container", "max": {"cpu": "500m"}}
        for name in ("a", "b"):
            await world.ask("POST", LIMITS, limit_range(item, name=name, set="one"))
        _, listed = await world.ask("GET", "/api/v1/limitranges?labelSelector=set%3Done")
        assert [one["metadata"]["name"] for one in listed["items"]] == ["a", "b"]
        changes = {"metadata": {"labels": {"a": "static"}}, "spec": {"limits": [{**item, "min": {"cpu": "50m"}}]}}
        kind = "application/strategic-merge-patch+json"
        status, patched = await world.ask("PATCH", f"{LIMITS}/a", changes, content_type=kind)
        assert status == 200 and patched["spec"]["limits"][0]["min"] == {"cpu": "50m"}, patched
        status, _ = await world.ask("DELETE", f"{LIMITS}?labelSelector=a%3Dstatic")
        _, listed = await world.ask("GET", LIMITS)
        assert [one["metadata"]["name"] for one in listed["items"]] == ["b"]

    in_world(test)


def test_what_an_item_leaves_out_follows_from_the_rest() -> None:
    async def test(world: World) -> None:
        container, whole = await made(
            world,
            {"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1", "memory": "1Mi"}},
            {"type": "Pod", "max": {"cpu": "4"}},
        )
        assert container["default"] == {"cpu": "2"}
        assert container["defaultRequest"] == {"cpu": "2", "memory": "1Mi"}
        assert "default" not in whole

    in_world(test)


@pytest.mark.parametrize(
    ("item", "spec", "why"),
    [
        (
            {"type": "Container", "min": {"memory": "1Mi"}},
            asking({"memory": "1Ki"}),
            "minimum memory usage per Container is 1Mi, but request is 1Ki",
        ),
        (
            {"type": "Pod", "min": {"memory": "1Mi"}},
            asking(),
            "minimum memory usage per Pod is 1Mi.  No request is specified",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            asking({"cpu": "500m"}),
            "maximum cpu usage per Pod is 1.  No limit is specified",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            {"containers": [{**asking({}, {"cpu": "600m"})["containers"][0], "name": name} for name in "ab"]},
            "maximum cpu usage per Pod is 1, but limit is 1200m",
        ),
        (
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            asking({"cpu": "100m"}, {"cpu": "300m"}),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            asking({"cpu": "100m"}),
            "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
        ),
    ],
)
def test_pods_outside_of_the_limits(item: dict[str, Any], spec: dict[str, Any], why: str) -> None:
    async def test(world: World) -> None:
        await made(world, item)
        assert await refusal(world, spec) == f'pods "p" is forbidden: {why}'

    in_world(test)


def test_claims_outside_of_the_limits() -> None:
    async def test(world: World) -> None:
        await made(world, {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}})
        for size, why in (
            ("500Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"),
            ("3Gi", "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"),
        ):
            status, answer = await world.ask("POST", CLAIMS, claim(size))
            assert status == 403 and answer["message"] == f'persistentvolumeclaims "c" is forbidden: {why}'
        status, _ = await world.ask("POST", CLAIMS, claim("1500Mi"))
        assert status == 201

    in_world(test)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"type": "Pod", "default": {"cpu": "1"}}, "may not be specified when `type` is 'Pod'"),
        (
            {"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}},
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        ),
        (
            {"type": "Container", "defaultRequest": {"cpu": "2"}, "default": {"cpu": "1"}},
            "default request value 2 is greater than default limit value 1",
        ),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "500m"}}, "ratio 500m is less than 1"),
        (
            {"type": "Container", "min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "3"}},
            "ratio 3 is greater than max/min = 2.000000",
        ),
        ({"type": "PersistentVolumeClaim"}, "either minimum or maximum storage value is required"),
        ({"type": "Container", "max": {"nonsense": "1"}}, "must be a standard resource for containers"),
        (
            {"type": "Container", "default": {"example.com/gpu": "2"}, "defaultRequest": {"example.com/gpu": "1"}},
            "default value 2 must equal to defaultRequest value 1 in example.com/gpu",
        ),
    ],
)
def test_limits_that_contradict_themselves(item: dict[str, Any], why: str) -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("POST", LIMITS, limit_range(item))
        assert status == 422 and why in answer["message"], answer

    in_world(test)
