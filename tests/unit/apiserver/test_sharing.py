"""What a write leaves for readers in the same process is the object as stored, and stays so through later writes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from podo.api import registry
from podo.api.kind import Kind
from podo.api.registry import all_kinds
from podo.apiserver import stored
from podo.client.contract import Event
from tests.unit.apiserver.examples import example
from tests.unit.apiserver.world import World, in_world

VERBS = {"create", "update", "patch", "watch"}
KINDS = [kind for kind in all_kinds() if set(kind.verbs) >= VERBS and registry.named(kind.kind) is kind]


def text(obj: Any) -> bytes:
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.qualified}-{kind.version}")
def test_watches_in_the_process_are_given_what_is_stored_and_nobody_changes_it(kind: Kind) -> None:
    async def test(world: World) -> None:
        client = world.client
        batches = client.watch(kind.kind, revision=world.store.revision)
        seen: list[tuple[Event, bytes]] = []

        async def follow() -> dict[str, Any]:
            while not seen or seen[-1][0].object != (found := await client.get(*place)):
                seen.extend((event, text(event.object)) for event in await anext(batches))
            return found

        made = await client.create(example(kind))
        place = (kind.kind, made["metadata"]["name"], made["metadata"].get("namespace", ""))
        changed = await follow()
        changed["metadata"]["labels"]["turn"] = "1"
        await client.update(changed)
        await follow()
        await client.patch(*place, patch={"metadata": {"labels": {"turn": "2"}}})
        changed = await follow()
        if "status" in kind.subresources:
            await client.update(changed, subresource="status")
        config: dict[str, Any] = {"metadata": {"name": place[1], "labels": {"turn": "3"}}}
        config |= {"apiVersion": kind.api_version, "kind": kind.kind}
        await client.patch(*place, patch=config, type="apply", field_manager="me", force=True)
        await follow()
        assert all(text(event.object) == before for event, before in seen)

    in_world(test)


def test_what_was_just_written_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        before = world.store.revision
        await world.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
        monkeypatch.setattr(stored, "load", lambda kind, value: pytest.fail("decoded"))
        events = await anext(world.client.watch("ConfigMap", revision=before))
        monkeypatch.undo()
        assert events[-1].object == await world.client.get("ConfigMap", "a", "default")

    in_world(test)
