"""Devices in a whole cluster: claims from templates, their allocation, its end, and taints."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from podo.api.meta import condition_of, name_of
from podo.lab import Faults, World
from tests.unit.scheduler.devices.offers import (
    API,
    DRIVER,
    alternative,
    device,
    device_class,
    exactly,
    piece,
)

NODES = ("node-0", "node-1")


def on(node: str, *devices: dict[str, Any]) -> dict[str, Any]:
    return piece(f"slice-{node}", *devices, pool={"name": node}, nodeName=node)


def pod(name: str, **claim: str) -> dict[str, Any]:
    """With one claim: ``claim=`` its name, or ``template=`` the name of a template."""
    field = {"claim": "resourceClaimName", "template": "resourceClaimTemplateName"}
    claims = [{"name": "gpu", **{field[key]: value for key, value in claim.items()}}]
    container = {"name": "c", "image": "nginx", "resources": {"claims": [{"name": "gpu"}]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "resourceClaims": claims},
    }


def claim(name: str, *requests: dict[str, Any], **devices: Any) -> dict[str, Any]:
    spec = {"devices": {"requests": list(requests or (exactly(),)), **devices}}
    return {"apiVersion": API, "kind": "ResourceClaim", "metadata": {"name": name}, "spec": spec}


def template(name: str, *requests: dict[str, Any]) -> dict[str, Any]:
    made = claim(name, *requests)
    spec = {"metadata": {"labels": {"made": "yes"}}, "spec": made["spec"]}
    return {**made, "kind": "ResourceClaimTemplate", "spec": spec}


def where(world: World) -> dict[str, str]:
    return {name_of(each): each["spec"].get("nodeName", "") for each in world.pods("default")}


def said(world: World, name: str) -> str:
    condition = condition_of(world.get("Pod", name), "PodScheduled")
    return condition.get("message", "") if condition else ""


def status(world: World, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.get("ResourceClaim", name).get("status") or {}
    return found


def devices_of(world: World, name: str) -> list[str]:
    return [each["device"] for each in status(world, name)["allocation"]["devices"]["results"]]


def test_each_pod_of_a_template_gets_a_device_of_its_own_and_gives_it_back() -> None:
    with World(nodes=2) as world:
        world.apply([device_class(), on("node-1", device("d0"), device("d1")), template("t")])
        world.apply([pod(f"p{number}", template="t") for number in range(3)])
        world.settle()
        assert sorted(where(world).values()) == ["", "node-1", "node-1"]
        waits = next(name for name, node in where(world).items() if not node)
        assert said(world, waits) == (
            "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, "
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        )
        claims = world.list("ResourceClaim")
        assert all(each["metadata"]["labels"] == {"made": "yes"} for each in claims)
        assert {each["metadata"]["annotations"]["resource.kubernetes.io/pod-claim-name"] for each in claims} == {"gpu"}
        runs = next(name for name, node in where(world).items() if node)
        made = world.get("Pod", runs)["status"]["resourceClaimStatuses"]
        assert made[0]["name"] == "gpu" and made[0]["resourceClaimName"].startswith(f"{runs}-gpu-")
        assert world.get("Pod", runs)["status"]["phase"] == "Running"
        world.delete("Pod", runs)
        world.wait_until(lambda: where(world)[waits], within=90)
        world.wait_until(lambda: len(world.list("ResourceClaim")) == 2, within=60)


def test_pods_share_a_claim_which_keeps_its_devices_until_the_last_has_ended() -> None:
    with World(nodes=2) as world:
        world.apply([device_class(), on("node-0", device("d0")), on("node-1", device("d1")), claim("shared")])
        world.apply([pod("one", claim="shared"), pod("two", claim="shared")])
        world.settle()
        assert len(set(where(world).values())) == 1 and all(where(world).values())
        assert {user["name"] for user in status(world, "shared")["reservedFor"]} == {"one", "two"}
        assert world.get("ResourceClaim", "shared")["metadata"]["finalizers"] == [
            "resource.kubernetes.io/delete-protection"
        ]
        world.delete("Pod", "one")
        world.wait_until(lambda: len(status(world, "shared")["reservedFor"]) == 1, within=60)
        assert status(world, "shared")["allocation"]
        world.delete("ResourceClaim", "shared")
        world.settle()
        assert world.get("ResourceClaim", "shared")["metadata"]["deletionTimestamp"], "held while it is in use"
        world.delete("Pod", "two")
        world.wait_until(lambda: not world.list("ResourceClaim"), within=60)


def test_an_unused_claim_gives_its_devices_to_another() -> None:
    with World(nodes=1) as world:
        world.apply([device_class(), on("node-0", device("d0")), claim("a"), claim("b")])
        world.apply(pod("first", claim="a"))
        world.wait_until(lambda: where(world).get("first"), within=10)
        world.apply(pod("second", claim="b"))
        world.wait_until(lambda: "cannot allocate all claims" in said(world, "second"), within=30)
        world.delete("Pod", "first")
        world.wait_until(lambda: where(world)["second"], within=90)
        assert devices_of(world, "b") == ["d0"] and "allocation" not in status(world, "a")


def test_a_pod_waits_for_claim_class_and_slice_and_starts_when_they_come() -> None:
    with World(nodes=1) as world:
        world.apply(pod("p", claim="c"))
        world.wait_until(lambda: 'resourceclaim "c" not found' in said(world, "p"), within=10)
        world.apply(claim("c"))
        world.wait_until(lambda: "request r: device class gpu does not exist" in said(world, "p"), within=30)
        world.apply(device_class())
        world.wait_until(lambda: "cannot allocate all claims" in said(world, "p"), within=30)
        world.apply(on("node-0", device("d0")))
        world.wait_until(lambda: where(world)["p"], within=30)


def test_a_missing_template_is_told_and_no_attempt_is_made_before_it_comes() -> None:
    with World(nodes=1) as world:
        world.apply([device_class(), on("node-0", device("d0")), pod("p", template="t")])
        world.wait_until(lambda: "FailedResourceClaimCreation" in reasons(world), within=10)
        told = next(each for each in world.list("Event") if each["reason"] == "FailedResourceClaimCreation")
        assert told["message"] == (
            'PodResourceClaim gpu: resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found'
        )
        assert "FailedScheduling" not in reasons(world)
        world.apply(template("t"))
        world.wait_until(lambda: where(world)["p"], within=60)


def test_a_claim_that_may_not_be_made_is_told_of() -> None:
    with World(nodes=1) as world:
        none = {"hard": {"count/resourceclaims.resource.k8s.io": "0"}}
        world.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": none})
        world.settle()
        world.apply([device_class(), template("t"), pod("p", template="t")])
        world.wait_until(lambda: "FailedResourceClaimCreation" in reasons(world), within=10)
        told = next(each for each in world.list("Event") if each["reason"] == "FailedResourceClaimCreation")
        assert told["type"] == "Warning" and "exceeded quota: none" in told["message"]
        assert told["message"].startswith("PodResourceClaim gpu: create ResourceClaim : ")


def reasons(world: World) -> set[str]:
    return {each["reason"] for each in world.list("Event")}


def test_nodes_that_give_the_better_alternative_are_preferred() -> None:
    big = f'device.attributes["{DRIVER}"].model == "big"'
    wanted = {"name": "r", "firstAvailable": [alternative("big", big), alternative("any")]}
    for better, worse in (NODES, NODES[::-1]):
        with World(nodes=2) as world:
            world.apply([device_class(), template("t", wanted)])
            world.apply([on(better, device("d", attributes={"model": "big"}))])
            world.apply([on(worse, device("d", attributes={"model": "small"}))])
            world.apply(pod("p", template="t"))
            world.wait_until(lambda: where(world)["p"], within=10)
            assert where(world)["p"] == better
            result = world.list("ResourceClaim")[0]["status"]["allocation"]["devices"]["results"][0]
            assert result["request"] == "r/big"


def test_an_allocation_where_the_pod_cannot_go_is_given_up() -> None:
    with World(nodes=2) as world:
        world.apply([device_class(), on("node-0", device("d0")), on("node-1", device("d1")), claim("c")])
        world.apply({**pod("p", claim="c"), "spec": {**pod("p", claim="c")["spec"], "nodeSelector": NAMED[0]}})
        world.wait_until(lambda: where(world)["p"], within=10)
        held = status(world, "c")
        world.apply({**pod("q", claim="c"), "spec": {**pod("q", claim="c")["spec"], "nodeSelector": NAMED[1]}})
        world.wait_until(lambda: "resourceclaim not available on the node" in said(world, "q"), within=30)
        assert status(world, "c") == held, "another pod uses it"
        world.delete("Pod", "p")
        world.wait_until(lambda: where(world)["q"], within=90)
        assert devices_of(world, "c") == ["d1"]


NAMED = tuple({"kubernetes.io/hostname": node} for node in NODES)


def test_a_taint_rule_evicts_the_pods_that_do_not_tolerate_it() -> None:
    rule = {
        "apiVersion": API,
        "kind": "DeviceTaintRule",
        "metadata": {"name": "broken"},
        "spec": {
            "deviceSelector": {"driver": DRIVER, "pool": "node-0"},
            "taint": {"key": "example.com/broken", "effect": "NoExecute"},
        },
    }
    patient = exactly(tolerations=[{"key": "example.com/broken", "operator": "Exists", "tolerationSeconds": 30}])
    with World(nodes=1) as world:
        world.apply(
            [device_class(), on("node-0", device("d0"), device("d1")), claim("hasty"), claim("patient", patient)]
        )
        world.apply([pod("goes", claim="hasty"), pod("stays", claim="patient")])
        world.wait_until(lambda: all(where(world).values()) and len(where(world)) == 2, within=10)
        world.apply(rule)
        world.wait_until(lambda: "goes" not in where(world), within=40)
        assert "stays" in where(world)
        assert "DeviceTaintManagerEviction" in reasons(world)
        world.wait_until(lambda: "stays" not in where(world), within=80)
        world.apply(pod("next", claim="hasty"))
        world.wait_until(lambda: "cannot allocate all claims" in said(world, "next"), within=30)
        progress = condition_of(world.get("DeviceTaintRule", "broken"), "EvictionInProgress")
        assert progress is not None and progress["status"] == "False"
        assert world.get("DeviceTaintRule", "broken")["spec"]["taint"]["timeAdded"]
        world.delete("DeviceTaintRule", "broken")
        world.wait_until(lambda: where(world)["next"], within=30)


def test_a_taint_of_a_slice_evicts_the_pods_of_its_device_only() -> None:
    with World(nodes=1) as world:
        world.apply([device_class(), on("node-0", device("d0"), device("d1")), claim("a"), claim("b")])
        world.apply([pod("a", claim="a"), pod("b", claim="b")])
        world.wait_until(lambda: all(where(world).values()) and len(where(world)) == 2, within=10)
        (of_a,) = status(world, "a")["allocation"]["devices"]["results"]
        taint = {"key": "example.com/broken", "effect": "NoExecute"}
        taints = {of_a["device"]: [taint]}
        tainted = [device(name, taints=taints.get(name, [])) for name in ("d0", "d1")]
        world.apply(on("node-0", *tainted))
        world.wait_until(lambda: "a" not in where(world), within=60)
        world.settle()
        assert where(world) == {"b": "node-0"}


def test_a_device_that_needs_time_is_waited_for() -> None:
    late = device("d0", bindingConditions=["example.com/ready"], bindingFailureConditions=["example.com/failed"])
    with World(nodes=1) as world:
        world.apply([device_class(), on("node-0", late), claim("c"), pod("p", claim="c")])
        world.wait_until(lambda: status(world, "c").get("allocation"), within=10)
        world.settle()
        assert not where(world)["p"]
        conditions = [{**STAMPED, "type": "example.com/ready"}]
        said_of = {"driver": DRIVER, "pool": "node-0", "device": "d0", "conditions": conditions}
        patch = {"status": {"devices": [said_of]}}
        world.run(world.client.patch("ResourceClaim", "c", "default", patch=patch, subresource="status"))
        world.wait_until(lambda: where(world)["p"], within=10)


STAMPED = {"status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}


def test_a_pod_that_names_its_node_uses_a_claim_that_has_devices() -> None:
    with World(nodes=1) as world:
        world.apply([device_class(), on("node-0", device("d0")), claim("c"), pod("p", claim="c")])
        world.wait_until(lambda: where(world)["p"], within=10)
        placed = pod("static", claim="c")
        placed["spec"]["nodeName"] = "node-0"
        world.apply(placed)
        world.wait_until(lambda: len(status(world, "c")["reservedFor"]) == 2, within=10)


@pytest.mark.parametrize("seed", range(3))
def test_no_device_is_given_twice_while_watches_lag_and_answers_are_lost(seed: int) -> None:
    with World(nodes=2, seed=seed, faults=Faults(watch_lag=0.4 * seed, errors=0.1, losses=0.1)) as world:
        world.apply([device_class(), template("t"), *(on(node, device("d0"), device("d1")) for node in NODES)])
        for number in range(12):
            world.apply(pod(f"p{number}", template="t"))
            if number >= 4 and number % 2:
                world.delete("Pod", f"p{number - 4}")
            world.advance(2)
            assert not given_twice(world)
        for name in list(where(world))[4:]:
            world.delete("Pod", name)
        world.advance(400)
        assert not given_twice(world)
        assert len(where(world)) == 4 and all(where(world).values())
        assert len(world.list("ResourceClaim")) == 4


def given_twice(world: World) -> list[str]:
    """Devices that two claims have. (A pod's claim may still have one for a moment when the pod has gone.)"""
    taken = Counter(
        f"{each['pool']}/{each['device']}"
        for one in world.list("ResourceClaim")
        for each in ((one.get("status") or {}).get("allocation") or {}).get("devices", {}).get("results", ())
    )
    return [name for name, count in taken.items() if count > 1]


def test_an_extended_resource_that_a_class_stands_for() -> None:
    named = device_class()
    named["spec"]["extendedResourceName"] = "example.com/gpu"

    def asking(name: str, count: int) -> dict[str, Any]:
        amounts = {"example.com/gpu": str(count)}
        container = {"name": "c", "image": "nginx", "resources": {"requests": amounts, "limits": amounts}}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}

    with World(nodes=2) as world:
        world.apply(asking("two", 2))
        world.wait_until(lambda: "2 Insufficient example.com/gpu" in said(world, "two"), within=10)
        world.apply([named, on("node-1", device("d0"), device("d1"), device("d2"))])
        world.wait_until(lambda: where(world)["two"], within=60)
        made = world.get("Pod", "two")["status"]["extendedResourceClaimStatus"]
        mapping = {"containerName": "c", "resourceName": "example.com/gpu", "requestName": "container-0-request-0"}
        assert made["requestMappings"] == [mapping]
        assert made["resourceClaimName"].startswith("two-extended-resources-")
        assert devices_of(world, made["resourceClaimName"]) == ["d0", "d1"]
        annotations = world.get("ResourceClaim", made["resourceClaimName"])["metadata"]["annotations"]
        assert annotations == {"resource.kubernetes.io/extended-resource-claim": "true"}
        world.wait_until(lambda: world.get("Pod", "two")["status"]["phase"] == "Running", within=10)
        world.apply(asking("more", 2))
        world.wait_until(lambda: "cannot allocate all claims" in said(world, "more"), within=30)
        world.delete("Pod", "two")
        world.wait_until(lambda: where(world)["more"], within=90)
        world.wait_until(lambda: len(world.list("ResourceClaim")) == 1, within=60)


def test_a_node_that_has_the_resource_itself_needs_no_devices() -> None:
    named = device_class()
    named["spec"]["extendedResourceName"] = "example.com/gpu"
    amounts = {"example.com/gpu": "1"}
    container = {"name": "c", "image": "nginx", "resources": {"requests": amounts, "limits": amounts}}
    with World(nodes=1) as world:
        status = {"status": {"capacity": amounts, "allocatable": amounts}}
        world.run(world.client.patch("Node", "node-0", patch=status, subresource="status"))
        world.apply(
            [named, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}]
        )
        world.wait_until(lambda: where(world)["p"], within=10)
        assert not world.list("ResourceClaim")


def test_a_selector_that_fails_is_told_of_the_claim_that_has_it() -> None:
    fails = exactly("r", f'device.attributes["{DRIVER}"].speed > 1')
    with World(nodes=1) as world:
        world.apply([device_class(), on("node-0", device("d0")), claim("one", fails), claim("two", fails)])
        world.apply([pod("p", claim="one"), pod("q", claim="two")])
        for name, its in (("p", "one"), ("q", "two")):
            why = f"claim default/{its}: selector #1: CEL runtime error: no such key: speed"
            world.wait_until(partial(told, world, name, why), within=10)


def told(world: World, name: str, why: str) -> bool:
    return why in said(world, name)
