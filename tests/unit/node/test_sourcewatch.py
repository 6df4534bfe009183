"""Watches of the objects that volumes are made from."""

from __future__ import annotations

import asyncio

from podo.node.sourcewatch import Reference, SourceWatches, references
from podo.runtime.chance import Chance
from tests.unit.node.pods import pod
from tests.unit.node.test_agent import Node, tell

SETTINGS, KEY, PART = (
    Reference("ConfigMap", "default", "settings"),
    Reference("Secret", "default", "key"),
    Reference("Secret", "default", "part"),
)


def test_references() -> None:
    volumes = [
        {"name": "a", "configMap": {"name": "settings"}},
        {"name": "b", "secret": {"secretName": "key"}},
        {"name": "c", "projected": {"sources": [{"secret": {"name": "part"}}, {"downwardAPI": {}}]}},
        {"name": "d", "emptyDir": {}},
    ]
    assert references(pod(volumes=volumes)) == {SETTINGS, KEY, PART}
    assert references(pod()) == frozenset()


def test_changes_of_what_is_watched_are_told_and_no_others() -> None:
    async def story(node: Node) -> None:
        told: list[Reference] = []
        watches = SourceWatches(node.client, node.clock, Chance(5), told.append)
        watches.keep([SETTINGS, KEY])
        await asyncio.sleep(1)
        assert sorted(told) == [SETTINGS, KEY]  # listed: nothing there yet
        told.clear()
        config_map = {"apiVersion": "v1", "kind": "ConfigMap"}
        for name in ("settings", "other"):
            await node.client.create({**config_map, "metadata": {"name": name, "namespace": "default"}})
        await asyncio.sleep(0.1)
        await node.client.patch("ConfigMap", "settings", "default", patch={"data": {"x": "1"}})
        await asyncio.sleep(0.1)
        assert told == [SETTINGS, SETTINGS]
        watches.keep([KEY])
        await node.client.delete("ConfigMap", "settings", "default")
        await asyncio.sleep(1)
        assert told == [SETTINGS, SETTINGS]
        await watches.stop()

    tell(story)
