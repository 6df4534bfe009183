"""Server-side apply of every kind: once is as good as twice, and whatever is applied breaks nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api import registry
from podo.api.kind import Kind
from podo.api.schema import type_of
from tests.unit.apiserver.examples import example
from tests.unit.apiserver.test_bad_input import Maker
from tests.unit.apiserver.test_every_kind import collection
from tests.unit.apiserver.world import World, in_world

APPLY = "application/apply-patch+yaml"
APPLIED = [kind for kind in registry.all_kinds() if {"create", "patch"} <= set(kind.verbs)]


@pytest.mark.parametrize("kind", APPLIED, ids=lambda kind: f"{kind.qualified}-{kind.version}")
def test_applied_twice_and_to_nothing(kind: Kind) -> None:
    async def test(world: World) -> None:
        config = example(kind)
        one = f"{collection(kind)}/{config['metadata']['name']}?fieldManager=me"
        status, made = await world.ask("PATCH", one, config, content_type=APPLY)
        assert status == 201, made
        (mine,) = (entry for entry in made["metadata"]["managedFields"] if entry["manager"] == "me")
        assert (mine["operation"], mine["apiVersion"]) == ("Apply", kind.api_version)
        assert await world.ask("PATCH", one, config, content_type=APPLY) == (200, made)
        labels = {"example": "yes", "more": "1"}
        config["metadata"]["labels"] = labels
        status, found = await world.ask("PATCH", one, config, content_type=APPLY)
        assert status == 200 and found["metadata"]["labels"].items() >= labels.items()
        config["metadata"]["labels"] = {"example": "yes"}
        status, found = await world.ask("PATCH", one, config, content_type=APPLY)
        assert status == 200 and "more" not in found["metadata"]["labels"]

    in_world(test)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(APPLIED))
def test_no_configuration_breaks_the_server(seed: int, kind: Kind) -> None:
    async def test() -> None:
        maker, of = Maker(seed), type_of(kind.group, kind.version, kind.kind)
        world = await World().start()

        async def apply(config: dict[str, Any], part: str = "") -> None:
            whole = {**config, "apiVersion": kind.api_version, "kind": kind.kind}
            target = f"{collection(kind)}/{name}{part}?fieldManager=me&force=true"
            status, answer = await world.ask("PATCH", target, whole, content_type=APPLY)
            assert status < 500, answer

        good = example(kind)
        name = good["metadata"]["name"]
        await apply(good)
        for _ in range(3):
            await apply({**maker.object(of), "metadata": {"name": name}})
            await apply(maker.object(of))
            if kind.has_status:
                await apply({**maker.object(of), "metadata": {"name": name}}, "/status")
        status, answer = await world.ask("GET", f"{collection(kind)}/{name}")
        assert status == 200, answer

    asyncio.run(test())
