"""Stored objects are brought into the version of today: by one migration at a time, which says how it went."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from podo.api.errors import ApiError
from podo.lab import World

Obj = dict[str, Any]
_ANYTHING = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def versions(stored: str) -> list[Obj]:
    return [{"name": one, "served": True, "storage": one == stored, "schema": _ANYTHING} for one in ("v1", "v2")]


def definition() -> Obj:
    names = {"plural": "gauges", "kind": "Gauge"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions("v1")}
    metadata = {"name": "gauges.example.com"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def migration(name: str, resource: str, group: str = "") -> Obj:
    spec = {"resource": {"resource": resource, **({"group": group} if group else {})}}
    metadata = {"name": name}
    return {
        "apiVersion": "storagemigration.k8s.io/v1",
        "kind": "StorageVersionMigration",
        "metadata": metadata,
        "spec": spec,
    }


def stored_versions(world: World) -> list[str]:
    store = world.simulation.store

    async def read() -> list[str]:
        page = await store.range("/example.com/gauges/")
        return [orjson.loads(record.value)["apiVersion"] for record in page.records]

    return world.run(read())


def conditions(obj: Obj) -> dict[str, Obj]:
    return {one["type"]: one for one in obj["status"].get("conditions") or ()}


def stored_in_v2(world: World, count: int) -> None:
    """``count`` gauges that are stored in v1, though v2 is the version to store from now on."""
    world.apply(definition())
    for index in range(count):
        made = {"apiVersion": "example.com/v1", "kind": "Gauge", "metadata": {"name": f"g{index}"}, "level": index}
        world.run(world.client.create(made))
    change = {"spec": {"versions": versions("v2")}}
    world.run(world.client.patch("CustomResourceDefinition", "gauges.example.com", patch=change))
    world.settle()
    assert set(stored_versions(world)) == {"example.com/v1"}
    assert world.get("crd", "gauges.example.com")["status"]["storedVersions"] == ["v1", "v2"]


def test_a_custom_kind_is_brought_into_its_storage_version() -> None:
    with World(nodes=0) as world:
        stored_in_v2(world, 40)
        before = world.get("example.com/v2/Gauge", "g1")
        world.apply(migration("gauges", "gauges", "example.com"))
        world.settle()
        assert set(stored_versions(world)) == {"example.com/v2"}
        done = world.get("StorageVersionMigration", "gauges")
        assert int(done["status"]["resourceVersion"]) > 0
        told = conditions(done)
        assert told.keys() == {"Succeeded"} and told["Succeeded"]["reason"] == "StorageVersionMigrationSucceeded"
        after = world.get("crd", "gauges.example.com")
        assert after["status"]["storedVersions"] == ["v2"]
        assert conditions(after)["StorageMigrating"]["reason"] == "MigrationSucceeded"
        changed = world.get("example.com/v2/Gauge", "g1")
        assert changed["metadata"].pop("resourceVersion") != before["metadata"].pop("resourceVersion")
        assert changed == before
        world.run(
            world.client.patch(
                "CustomResourceDefinition", "gauges.example.com", patch={"spec": {"versions": versions("v2")[1:]}}
            )
        )


def test_what_is_stored_in_todays_form_is_not_written() -> None:
    with World(nodes=0) as world:
        world.apply(definition())
        world.apply({"apiVersion": "example.com/v1", "kind": "Gauge", "metadata": {"name": "g"}})
        before = world.get("example.com/Gauge", "g")
        secret = world.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}})
        world.apply(migration("gauges", "gauges", "example.com"))
        world.apply(migration("secrets", "secrets"))
        world.settle()
        assert conditions(world.get("StorageVersionMigration", "secrets")).keys() == {"Succeeded"}
        assert world.get("example.com/Gauge", "g") == before
        assert [world.get("Secret", "s")] == secret


def test_one_migration_of_a_resource_at_a_time_the_oldest_first() -> None:
    with World(nodes=0) as world:
        stored_in_v2(world, 3)
        running = []

        def look() -> bool:
            found = [conditions({"status": {}, **one}) for one in world.list("StorageVersionMigration")]
            running.append(sum("Running" in one and one["Running"]["status"] == "True" for one in found))
            return len(found) == 2 and all("Succeeded" in one for one in found)

        world.apply([migration("b", "gauges", "example.com"), migration("a", "gauges", "example.com")])
        world.wait_until(look)
        assert max(running) <= 1
        world.settle()
        times = [world.get("StorageVersionMigration", name)["status"]["resourceVersion"] for name in ("a", "b")]
        assert int(times[0]) < int(times[1])  # of one second, so by name


def test_a_resource_that_nobody_serves_has_a_minute_to_come() -> None:
    with World(nodes=0) as world:
        world.apply(migration("gauges", "gauges", "example.com"))
        world.advance(50)
        assert conditions(world.get("StorageVersionMigration", "gauges")).keys() == {"Running"}
        world.advance(20)
        told = conditions(world.get("StorageVersionMigration", "gauges"))
        assert told["Failed"]["reason"] == "StorageVersionMigrationFailed"
        assert told["Failed"]["message"].endswith("resource does not exist in discovery")


def test_an_object_that_is_refused_fails_the_migration_and_the_stored_versions_stay() -> None:
    with World(nodes=0) as world:
        stored_in_v2(world, 2)
        rules = [{"apiGroups": ["example.com"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["*"]}]
        checks = [{"expression": "object.metadata.name != 'g1'", "message": "g1 is frozen"}]
        registration = "admissionregistration.k8s.io/v1"
        policy = {"matchConstraints": {"resourceRules": rules}, "validations": checks}
        binding = {"policyName": "frozen", "validationActions": ["Deny"]}
        for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
            world.apply({"apiVersion": registration, "kind": kind, "metadata": {"name": "frozen"}, "spec": spec})
        world.apply(migration("gauges", "gauges", "example.com"))
        world.settle()
        told = conditions(world.get("StorageVersionMigration", "gauges"))
        assert told.keys() == {"Failed"} and "g1 is frozen" in told["Failed"]["message"]
        after = world.get("crd", "gauges.example.com")
        assert after["status"]["storedVersions"] == ["v1", "v2"]
        assert conditions(after)["StorageMigrating"]["reason"] == "MigrationFailed"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "spec.resource"),
        ({"resource": {"resource": ""}}, "spec.resource.resource: Required value: resource is required to be set"),
        ({"resource": {"resource": "Gauges"}}, "spec.resource.resource: Invalid value"),
        ({"resource": {"resource": "gauges", "group": "Example"}}, "spec.resource.group: Invalid value"),
    ],
)
def test_what_is_refused(spec: Obj, why: str) -> None:
    with World(nodes=0) as world, pytest.raises(ApiError, match=why):
        world.run(world.client.create({**migration("m", "x"), "spec": spec}))


def test_what_cannot_change() -> None:
    with World(nodes=0) as world:
        world.apply(migration("m", "secrets"))
        world.settle()
        found = world.get("StorageVersionMigration", "m")
        with pytest.raises(ApiError, match=r"spec: Invalid value: .*field is immutable"):
            world.run(world.client.update({**found, "spec": migration("m", "pods")["spec"]}))

        def status(**changes: Any) -> None:
            world.run(world.client.update({**found, "status": {**found["status"], **changes}}, subresource="status"))

        with pytest.raises(ApiError, match=r"status.resourceVersion: Invalid value: .*field is immutable"):
            status(resourceVersion="7")
        with pytest.raises(ApiError, match="Success condition cannot be set to false once it is true"):
            status(conditions=[])
        told = found["status"]["conditions"][0]
        with pytest.raises(ApiError, match="Both success and failed conditions cannot be true"):
            status(conditions=[told, {**told, "type": "Failed"}])
        with pytest.raises(ApiError, match="Running condition cannot be true when success condition is true"):
            status(conditions=[told, {**told, "type": "Running"}])
