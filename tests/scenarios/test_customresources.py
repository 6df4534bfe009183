"""Custom kinds as the author of an operator tests with them: defined, made and watched in a World, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.lab import World

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: databases.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, kind: Database, shortNames: [db]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              replicas: {type: integer, minimum: 1, default: 1}
              engine: {type: string, enum: [one, two]}
            x-kubernetes-validations:
            - {rule: "self.engine == oldSelf.engine", message: the engine cannot be changed}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
---
apiVersion: example.com/v1
kind: Database
metadata: {name: main}
spec: {engine: one}
"""


@pytest.fixture
def world() -> Any:
    with World(nodes=1, seed=3) as world:
        yield world


def test_a_definition_and_its_objects_in_one_manifest(world: World) -> None:
    definition, database = world.apply(DEFINITION)
    assert [one["status"] for one in definition["status"]["conditions"]] == ["True", "True"]
    assert database["spec"] == {"engine": "one", "replicas": 1}
    world.scale("db", "main", 3)
    assert world.get("databases", "main")["spec"]["replicas"] == 3
    with pytest.raises(ApiError, match="the engine cannot be changed"):
        world.apply(
            {
                "apiVersion": "example.com/v1",
                "kind": "Database",
                "metadata": {"name": "main"},
                "spec": {"engine": "two"},
            }
        )


def test_what_an_operator_does(world: World) -> None:
    """It watches its kind, makes what belongs to an object, and tells of it in the status."""
    world.apply(DEFINITION)

    async def operate() -> None:
        async for batch in world.client.watch("example.com/Database", "default"):
            for event in batch:
                if event.type == "ADDED":
                    owner = event.object
                    reference = {"apiVersion": "example.com/v1", "kind": "Database", "controller": True}
                    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
                    metadata = {"name": "data", "namespace": "default", "ownerReferences": [reference]}
                    await world.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
                    condition = {"type": "Ready", "status": "True"}
                    await world.client.update({**owner, "status": {"conditions": [condition]}}, subresource="status")
                    return

    world.run(operate())
    world.wait_for("Database", "main", condition="Ready")
    world.delete("Database", "main")
    world.wait_for("ConfigMap", "data", condition="delete")


def test_two_worlds_have_kinds_of_their_own(world: World) -> None:
    world.apply(DEFINITION)
    with World(nodes=0, seed=4) as other, pytest.raises(LookupError):
        other.list("Database")
    with world.fork() as later:
        assert [one["metadata"]["name"] for one in later.list("Database")] == ["main"]
        later.delete("crd", "databases.example.com")
        later.wait_for("CustomResourceDefinition", "databases.example.com", condition="delete")
    assert len(world.list("Database")) == 1


def test_the_end_of_a_definition_takes_everything(world: World) -> None:
    world.apply(DEFINITION)
    world.delete("crd", "databases.example.com")
    world.wait_for("CustomResourceDefinition", "databases.example.com", condition="delete", within=30)
    world.apply(DEFINITION)  # may be made anew at once
    assert world.get("Database", "main")["spec"]["engine"] == "one"
