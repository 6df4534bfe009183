"""Endpoints written by hand appear as slices, and go as they go."""

from __future__ import annotations

from typing import Any

from podo.api.meta import labels_of
from podo.lab import World

Obj = dict[str, Any]
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


def service(**spec: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db"},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def endpoints(*addresses: str, broken: tuple[str, ...] = (), **metadata: Any) -> Obj:
    subset = {
        "addresses": [{"ip": each} for each in addresses],
        "notReadyAddresses": [{"ip": each} for each in broken],
        "ports": [{"port": 5432}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "db", **metadata},
        "subsets": [{name: value for name, value in subset.items() if value}],
    }


def mirrors(world: World) -> list[Obj]:
    return [each for each in world.list("EndpointSlice") if "mirroring" in labels_of(each).get(MANAGED_BY, "")]


def test_a_slice_follows_endpoints_of_a_service_without_a_selector() -> None:
    with World() as world:
        world.apply(service())
        world.apply(endpoints("192.0.2.7", broken=("192.0.2.8",), labels={"team": "data"}))
        world.settle()
        (mirror,) = mirrors(world)
        assert labels_of(mirror) == {
            "kubernetes.io/service-name": "db",
            MANAGED_BY: "endpointslicemirroring-controller.k8s.io",
            "team": "data",
        }
        assert mirror["ports"] == [{"name": "", "port": 5432, "protocol": "TCP"}]
        assert [(e["addresses"], e["conditions"]) for e in mirror["endpoints"]] == [
            (["192.0.2.7"], {"ready": True}),
            (["192.0.2.8"], {"ready": False}),
        ]
        world.apply(endpoints("192.0.2.9"))
        world.settle()
        (changed,) = mirrors(world)
        assert [e["addresses"] for e in changed["endpoints"]] == [["192.0.2.9"]]
        assert changed["metadata"]["uid"] == mirror["metadata"]["uid"]
        world.delete("Endpoints", "db")
        world.settle()
        assert mirrors(world) == []


def test_what_is_not_mirrored() -> None:
    with World() as world:
        world.settle()
        assert mirrors(world) == [], "the cluster's own Endpoints have slices already"
        world.apply(endpoints("192.0.2.7"))
        world.settle()
        assert mirrors(world) == [], "there is no such Service"
        world.apply(service())
        world.settle()
        assert len(mirrors(world)) == 1
        world.apply(endpoints("192.0.2.7", labels={"endpointslice.kubernetes.io/skip-mirror": "true"}))
        world.settle()
        assert mirrors(world) == []


def test_both_families_and_many_addresses() -> None:
    many = [f"192.0.{n // 200}.{n % 200 + 1}" for n in range(250)]
    with World() as world:
        world.apply(service())
        world.apply(endpoints(*many, "2001:db8::1"))
        world.settle()
        sizes = sorted((each["addressType"], len(each["endpoints"])) for each in mirrors(world))
        assert sizes == [("IPv4", 250), ("IPv6", 1)]


def test_a_thousand_addresses_of_a_subset_are_mirrored_and_the_rest_is_told_of() -> None:
    with World() as world:
        world.apply(service())
        world.apply(endpoints(*(f"192.0.{n // 250}.{n % 250 + 1}" for n in range(1001))))
        world.settle()
        assert [len(mirror["endpoints"]) for mirror in mirrors(world)] == [1000]
        told = [(event["type"], event["reason"], event["message"]) for event in world.events("db")]
        what = "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset."
        assert told == [("Warning", "TooManyAddressesToMirror", f"{what} 1 addresses were skipped")]
