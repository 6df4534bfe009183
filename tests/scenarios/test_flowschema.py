"""FlowSchemas say whether their level is there; what is mandatory comes back."""

from __future__ import annotations

import pytest

from podo.api.errors import ApiError
from podo.lab import World

API = "flowcontrol.apiserver.k8s.io/v1"


def condition(world: World, name: str) -> tuple[str, str, str]:
    (found,) = world.get("FlowSchema", name)["status"]["conditions"]
    assert found["type"] == "Dangling"
    return found["status"], found["reason"], found["message"]


def test_a_schema_without_its_level_is_dangling_until_it_is_there() -> None:
    told = 'This FlowSchema references the PriorityLevelConfiguration object named "{}" {}'
    with World(nodes=0) as world:
        world.settle()
        assert "managedFields" not in world.get("FlowSchema", "global-default")["metadata"]  # nobody had to write it
        existing = ("False", "Found", told.format("global-default", "and it exists"))
        assert condition(world, "global-default") == existing
        spec = {"priorityLevelConfiguration": {"name": "mine"}, "matchingPrecedence": 77}
        world.apply({"apiVersion": API, "kind": "FlowSchema", "metadata": {"name": "mine"}, "spec": spec})
        world.settle()
        assert condition(world, "mine") == ("True", "NotFound", told.format("mine", "but there is no such object"))
        limited = {"limitResponse": {"type": "Reject"}}
        level = {"apiVersion": API, "kind": "PriorityLevelConfiguration", "metadata": {"name": "mine"}}
        world.apply({**level, "spec": {"type": "Limited", "limited": limited}})
        world.settle()
        assert condition(world, "mine")[0] == "False"
        world.delete("PriorityLevelConfiguration", "mine")
        world.settle()
        assert condition(world, "mine")[0] == "True"


def test_mandatory_objects_come_back_and_cannot_be_changed() -> None:
    with World(nodes=0) as world:
        for kind in ("FlowSchema", "PriorityLevelConfiguration"):
            before = world.get(kind, "catch-all")
            world.delete(kind, "catch-all")
            world.settle()
            after = world.get(kind, "catch-all")
            assert after["spec"] == before["spec"] and after["metadata"]["uid"] != before["metadata"]["uid"]
            with pytest.raises(ApiError, match="spec of 'catch-all' must equal the fixed value"):
                wrong = {"matchingPrecedence": 9999} if kind == "FlowSchema" else {"type": "Exempt"}
                world.run(world.client.patch(kind, "catch-all", patch={"spec": wrong}, type="merge"))
        shares = {"spec": {"exempt": {"nominalConcurrencyShares": 10}}}
        world.run(world.client.patch("PriorityLevelConfiguration", "exempt", patch=shares, type="merge"))
        world.delete("FlowSchema", "probes")
        world.settle()
        with pytest.raises(ApiError, match="not found"):
            world.get("FlowSchema", "probes")
