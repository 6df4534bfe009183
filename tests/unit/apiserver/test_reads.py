"""What lists are refused, and which of several forms a client is answered in."""

from __future__ import annotations

import pytest

from tests.unit.apiserver.world import TABLE, World, in_world

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (MAPS, '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        ("/api/v1/pods", "field label not supported: spec.x"),
        ("/apis/batch/v1/jobs", 'field label "spec.x" not supported for Job'),
    ],
)
def test_fields_that_cannot_be_selected_by(target: str, why: str) -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("GET", f"{target}?fieldSelector=spec.x=1")
        assert (status, answer["reason"], answer["message"]) == (400, "BadRequest", why)

    in_world(test)


def test_versions_and_tokens_that_are_none() -> None:
    async def test(world: World) -> None:
        for query, why in (
            ("resourceVersion=x", 'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint'),
            ("continue=x", "invalid continue token: continue key is not valid"),
        ):
            status, answer = await world.ask("GET", f"{MAPS}?{query}")
            assert (status, answer["reason"]) == (400, "BadRequest")
            assert answer["message"].startswith(why)

    in_world(test)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/yaml;q=0.2,application/json;q=0.8", "application/json"),
        ("application/json;q=0.2, application/yaml", "application/yaml"),
        ("application/json;q=0,application/yaml;q=0.1", "application/yaml"),
        ("text/html,*/*;q=0.8", "application/json"),
    ],
)
def test_the_form_a_client_likes_best(accept: str, content_type: str) -> None:
    async def test(world: World) -> None:
        found = await world.answer("GET", MAPS, accept=accept)
        assert getattr(found, "content_type", "") == content_type

    in_world(test)


def test_a_table_is_liked_better_than_a_list_of_the_same_weight() -> None:
    async def test(world: World) -> None:
        assert (await world.ask("GET", MAPS, accept=TABLE))[1]["kind"] == "Table"
        assert (await world.ask("GET", MAPS, accept="application/json;as=Table;v=v1;g=meta.k8s.io;q=0"))[0] == 406

    in_world(test)
