"""Cluster IPs in a whole cluster: nothing has to be repaired unless people take something away; ranges come and go."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.networking.ipaddress import IPADDRESS, of_service
from podo.lab import World

NETWORKING = "networking.k8s.io/v1"


def service(name: str, **spec: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def cidr(name: str, *cidrs: str) -> Obj:
    return {"apiVersion": NETWORKING, "kind": "ServiceCIDR", "metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}


def addresses(world: World) -> dict[str, str]:
    """Name -> the Service that it belongs to."""
    found = {}
    for one in world.list("IPAddress"):
        parent = one["spec"]["parentRef"]
        found[one["metadata"]["name"]] = f"{parent['namespace']}/{parent['name']}"
    return found


def in_use(world: World) -> dict[str, str]:
    return {
        one["spec"]["clusterIP"]: f"{one['metadata']['namespace']}/{one['metadata']['name']}"
        for one in world.list("Service")
        if one["spec"].get("clusterIP", "None") != "None"
    }


def told(world: World, name: str) -> list[tuple[str, str, str, str]]:
    return [
        (one["type"], one["reason"], one["message"], one["source"]["component"])
        for one in world.events()
        if one["involvedObject"]["name"] == name
    ]


def test_a_cluster_begins_with_its_range_and_two_addresses() -> None:
    with World(nodes=0) as world:
        world.settle()
        found = world.get("ServiceCIDR", "kubernetes")
        assert found["metadata"]["finalizers"] == ["networking.k8s.io/service-cidr-finalizer"]
        (ready,) = found["status"]["conditions"]
        assert (ready["type"], ready["status"]) == ("Ready", "True")
        assert ready["message"] == "Kubernetes Service CIDR is ready"
        assert addresses(world) == {"10.96.0.1": "default/kubernetes", "10.96.0.10": "kube-system/kube-dns"}


def test_services_come_and_go_and_nothing_has_to_be_repaired() -> None:
    with World(nodes=1) as world:
        for n in range(20):
            world.apply(service(f"a{n}"))
        world.advance(90)
        assert addresses(world) == in_use(world)
        assert len(in_use(world)) == 22
        for n in range(20):
            world.delete("Service", f"a{n}")
        world.advance(90)
        assert addresses(world) == in_use(world)
        assert not [one for one in world.events() if "IP" in one["reason"]]


def test_an_address_that_was_taken_away_comes_back() -> None:
    with World(nodes=0) as world:
        world.apply(service("a", clusterIP="10.96.0.77"))
        world.settle()
        world.delete("IPAddress", "10.96.0.77", "")
        world.wait_until(lambda: "10.96.0.77" in addresses(world), within=10)
        why = "Cluster IP [IPv4]: 10.96.0.77 is not allocated; repairing"
        assert told(world, "a") == [("Warning", "ClusterIPNotAllocated", why, "ipallocator-repair-controller")]


def test_an_address_without_its_service_goes_after_a_minute() -> None:
    with World(nodes=0) as world:
        world.apply(of_service("10.96.0.77", "default", "gone"))
        world.apply(of_service("10.96.0.78", "default", "kubernetes"))
        world.advance(50)
        assert "10.96.0.78" not in addresses(world), "its Service has another"
        assert addresses(world)["10.96.0.77"] == "default/gone"
        with pytest.raises(ApiError, match="already allocated"):
            world.apply(service("a", clusterIP="10.96.0.77"))
        world.advance(15)
        assert addresses(world) == in_use(world)
        leaked = "IPAddress: 10.96.0.77 for Service default/gone appears to have leaked: cleaning up"
        wrong = "IPAddress: 10.96.0.78 for Service default/kubernetes has a wrong reference; cleaning up"
        component = "ipallocator-repair-controller"
        assert told(world, "10.96.0.77") == [("Warning", "IPAddressNotAllocated", leaked, component)]
        assert told(world, "10.96.0.78") == [("Warning", "IPAddressWrongReference", wrong, component)]


def test_a_range_goes_when_nothing_of_it_is_in_use() -> None:
    with World(nodes=0) as world:
        world.apply(cidr("more", "10.1.0.0/24"))
        world.settle()
        world.apply(service("a", clusterIP="10.1.0.9"))
        world.delete("ServiceCIDR", "more", "")
        world.settle()
        (ready,) = world.get("ServiceCIDR", "more")["status"]["conditions"]
        why = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
        assert (ready["status"], ready["reason"], ready["message"]) == ("False", "Terminating", why)
        with pytest.raises(ApiError, match="the provided network does not match the current range"):
            world.apply(service("b", clusterIP="10.1.0.10"))
        world.advance(60)
        assert world.get("ServiceCIDR", "more")
        world.delete("Service", "a")
        world.settle()
        world.wait_until(lambda: len(world.list("ServiceCIDR")) == 1, within=15)


def test_a_larger_range_takes_over_what_a_smaller_one_gave() -> None:
    with World(nodes=0) as world:
        world.apply(cidr("small", "10.1.0.0/24"))
        world.settle()
        world.apply(service("a", clusterIP="10.1.0.9"))
        world.delete("ServiceCIDR", "small", "")
        world.advance(30)
        assert len(world.list("ServiceCIDR")) == 2
        world.apply(cidr("large", "10.1.0.0/16"))
        world.advance(30)
        assert [one["metadata"]["name"] for one in world.list("ServiceCIDR")] == ["kubernetes", "large"]
        assert addresses(world) == in_use(world)


def test_the_range_of_the_cluster_comes_back_when_it_was_deleted() -> None:
    with World(nodes=0) as world:
        world.apply(cidr("all", "10.0.0.0/8"))
        world.settle()
        uid = world.get("ServiceCIDR", "kubernetes")["metadata"]["uid"]
        world.delete("ServiceCIDR", "kubernetes", "")
        world.advance(30)
        assert world.get("ServiceCIDR", "kubernetes")["metadata"]["uid"] != uid
        world.settle()
        world.apply(service("a", clusterIP="10.96.0.77"))


def test_a_cluster_that_has_no_addresses_gets_them_at_its_start() -> None:
    """One of a podo that made none."""
    with World(nodes=0) as world:
        world.apply(service("a", clusterIP="10.96.0.77"))
        world.settle()
        for name in addresses(world):
            world.run(world.simulation.store.delete(IPADDRESS.key("", name)))
        with world.fork() as later:
            assert addresses(later) == in_use(later)
            assert len(in_use(later)) == 3
            assert told(later, "a")[0][1] == "ClusterIPNotAllocated"
            with pytest.raises(ApiError, match="already allocated"):
                later.apply(service("b", clusterIP="10.96.0.77"))
