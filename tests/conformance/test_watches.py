"""Rows of the inventory about watches that a client takes up again."""

from __future__ import annotations

from tests.unit.apiserver.world import World, in_world

MANY = "/api/v1/namespaces/default/configmaps"


def test_a_watch_goes_on_where_the_last_one_ended() -> None:
    async def test(world: World) -> None:
        start = world.store.revision
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", "labels": {"of": "test"}}}
        await world.client.create({**body, "metadata": {**body["metadata"], "namespace": "default"}})
        query = "watch=1&labelSelector=of%3Dtest&timeoutSeconds=1"
        first = await world.watch(f"{MANY}?{query}&resourceVersion={start}")
        assert [event["type"] for event in first] == ["ADDED"]
        last = first[-1]["object"]["metadata"]["resourceVersion"]
        await world.client.patch("ConfigMap", "it", "default", patch={"data": {"while": "nobody watched"}})
        await world.client.delete("ConfigMap", "it", "default")
        second = await world.watch(f"{MANY}?{query}&resourceVersion={last}")
        assert [event["type"] for event in second] == ["MODIFIED", "DELETED"]
        assert second[0]["object"]["data"] == {"while": "nobody watched"}

    in_world(test)
