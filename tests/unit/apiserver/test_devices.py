"""What the API accepts of device classes, claims, slices and taint rules."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import World, in_world

GROUP = "/apis/resource.k8s.io/v1"
CLASSES, RULES, SLICES = (f"{GROUP}/{each}" for each in ("deviceclasses", "devicetaintrules", "resourceslices"))
CLAIMS, TEMPLATES = (f"{GROUP}/namespaces/default/{each}" for each in ("resourceclaims", "resourceclaimtemplates"))


def obj(kind: str, spec: dict[str, Any], name: str = "x") -> dict[str, Any]:
    return {"apiVersion": "resource.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


async def refused(world: World, path: str, given: dict[str, Any]) -> str:
    status, answer = await world.ask("POST", path, given)
    assert (status, answer["reason"]) == (422, "Invalid"), answer
    return str(answer["message"])


def selecting(expression: str) -> dict[str, Any]:
    return obj("DeviceClass", {"selectors": [{"cel": {"expression": expression}}]})


def test_selectors_are_compiled_and_must_be_cheap() -> None:
    async def test(world: World) -> None:
        path = "spec.selectors[0].cel.expression"
        assert "compilation failed: ERROR: <input>:1:8: undefined field 'model'" in await refused(
            world, CLASSES, selecting(" device.model == 'x'").copy()
        )
        assert f"{path}: Invalid value" in await refused(world, CLASSES, selecting("device.driver"))
        nested = "true"
        for name in "abcd":
            nested = f"device.attributes.all({name}, {nested})"
        assert f"{path}: Forbidden: too complex, exceeds cost limit" in await refused(world, CLASSES, selecting(nested))
        assert f"{path}: Too long" in await refused(world, CLASSES, selecting("true" + " || true" * 1500))
        good = 'device.attributes["x.io"].model.matches("^a") && device.capacity["x"].m.isLessThan(quantity("1Gi"))'
        assert (await world.ask("POST", CLASSES, selecting(good)))[0] == 201

    in_world(test)


def test_taint_rules_are_checked_stamped_and_shown() -> None:
    async def test(world: World) -> None:
        bad = obj("DeviceTaintRule", {"deviceSelector": {"device": "A b"}, "taint": {"key": "a b", "effect": "Maybe"}})
        message = await refused(world, RULES, bad)
        assert "spec.deviceSelector.device: Invalid value" in message and "spec.taint.key: Invalid value" in message
        assert (
            'spec.taint.effect: Unsupported value: "Maybe": supported values: "None", "NoSchedule", "NoExecute"'
            in message
        )
        good = obj(
            "DeviceTaintRule", {"deviceSelector": {"driver": "d.io"}, "taint": {"key": "k", "effect": "NoSchedule"}}
        )
        status, made = await world.ask("POST", RULES, good)
        assert status == 201 and made["spec"]["taint"]["timeAdded"] == made["metadata"]["creationTimestamp"]
        since = made["spec"]["taint"].pop("timeAdded")
        _, again = await world.ask("PUT", f"{RULES}/x", made)
        assert again["spec"]["taint"]["timeAdded"] == since and again["metadata"]["generation"] == 1
        said = {"status": {"conditions": [CONDITION]}}
        _, told = await world.ask("PATCH", f"{RULES}/x/status", said, content_type="application/merge-patch+json")
        assert told["status"]["conditions"][0]["type"] == "EvictionInProgress"

    in_world(test)


CONDITION = {
    "type": "EvictionInProgress",
    "status": "True",
    "reason": "PodsPendingEviction",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def test_administrators_access_needs_a_label_of_the_namespace() -> None:
    async def test(world: World) -> None:
        request = {"name": "r", "exactly": {"deviceClassName": "gpu", "adminAccess": True}}
        claim = obj("ResourceClaim", {"devices": {"requests": [request]}})
        template = obj("ResourceClaimTemplate", {"spec": claim["spec"]})
        why = "Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label"
        message = await refused(world, CLAIMS, claim)
        assert f"spec.devices.requests[0].exactly.adminAccess: {why} on the containing namespace" in message
        assert f"spec.spec.devices.requests[0].exactly.adminAccess: {why}" in await refused(world, TEMPLATES, template)
        labels = {"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}}
        await world.ask("PATCH", "/api/v1/namespaces/default", labels, content_type="application/merge-patch+json")
        assert (await world.ask("POST", CLAIMS, claim))[0] == 201
        assert (await world.ask("POST", TEMPLATES, template))[0] == 201

    in_world(test)


def test_taints_of_slices_are_checked() -> None:
    async def test(world: World) -> None:
        device = {"name": "d", "taints": [{"key": "k", "effect": "Sometimes"}]}
        pool = {"name": "p", "resourceSliceCount": 1}
        spec = {"driver": "d.io", "allNodes": True, "pool": pool, "devices": [device]}
        message = await refused(world, SLICES, obj("ResourceSlice", spec))
        assert 'spec.devices[0].taints[0].effect: Unsupported value: "Sometimes"' in message

    in_world(test)
