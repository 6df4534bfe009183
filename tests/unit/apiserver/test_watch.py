"""Watches over HTTP: frames, tables, bookmarks, initial events, history that is gone."""

from __future__ import annotations

import asyncio

import pytest

from podo.api import registry
from podo.api.encoding import encode, stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.backend import Config
from podo.apiserver.call import Call
from podo.apiserver.local import LocalClient
from podo.apiserver.verbs.watch import WatchOptions, events_of, open_watch
from podo.authn.user import User
from podo.lab.virtualtime import START, run
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.storage.memory import MemoryStore
from tests.unit.apiserver.world import TABLE, World, in_world, pod

PODS = "/api/v1/namespaces/default/pods"


def test_frames_from_a_revision() -> None:
    async def test(world: World) -> None:
        start = world.store.revision
        await world.client.create(pod("web"))
        await world.client.delete("Pod", "web", "default")
        frames = await world.watch(f"{PODS}?watch=1&resourceVersion={start}")
        assert [frame["type"] for frame in frames] == ["ADDED", "DELETED"]
        versions = [int(frame["object"]["metadata"]["resourceVersion"]) for frame in frames]
        assert versions == [start + 1, start + 2], "a DELETED carries the revision of the delete"

    in_world(test, watch_seconds=0.05)


def test_tables_are_headed_once() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("a"))
        await world.client.create(pod("b"))
        for _ in range(2):
            frames = await world.watch(f"{PODS}?watch=true", accept=TABLE)
            assert [frame["object"]["rows"][0]["cells"][0] for frame in frames] == ["a", "b"]
            assert frames[0]["object"]["columnDefinitions"] and frames[1]["object"]["columnDefinitions"] is None

    in_world(test, watch_seconds=0.05)


def test_initial_events_end_with_a_bookmark() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("a"))
        query = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true"
        frames = await world.watch(f"{PODS}?{query}&resourceVersionMatch=NotOlderThan")
        assert [frame["type"] for frame in frames] == ["ADDED", "BOOKMARK"]
        metadata = frames[1]["object"]["metadata"]
        assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(metadata["resourceVersion"]) == world.store.revision
        status, error = await world.ask("GET", f"{PODS}?{query}")
        assert (status, error["reason"]) == (422, "Invalid")

    in_world(test, watch_seconds=0.05)


def test_bookmarks_move_an_idle_watch_on() -> None:
    async def test(world: World) -> None:
        start = world.store.revision
        for _ in range(3):
            await world.client.create(
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "s-", "namespace": "default"}}
            )
        query = f"watch=1&resourceVersion={start}"
        frames = await world.watch(f"{PODS}?{query}&allowWatchBookmarks=true")
        assert frames and all(frame["type"] == "BOOKMARK" for frame in frames)
        assert int(frames[-1]["object"]["metadata"]["resourceVersion"]) == world.store.revision
        assert await world.watch(f"{PODS}?{query}") == []

    in_world(test, watch_seconds=0.2, bookmark_seconds=0.05)


def test_a_bookmark_comes_after_what_was_written_in_the_same_moment() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        store = MemoryStore(stamp)
        server = ApiServer(store, LoopClock(START, loop), Chance(1), Config(bookmark_seconds=60))
        await server.start()
        client = LocalClient(server)
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        told: list[tuple[str, int]] = []

        call = Call("watch", registry.named("ConfigMap"), "default", "", "", User("somebody", ()))
        options = WatchOptions(revision=str(store.revision), bookmarks=True)

        async def follow() -> None:
            async for events in events_of(open_watch(server.backend, call, options)):
                told.extend((event.type, event.revision) for event in events)

        began = loop.time()
        following = loop.create_task(follow())
        await asyncio.sleep(0)
        name = {"name": "late", "namespace": "default"}
        value = encode({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name})
        key = registry.named("ConfigMap").key("default", "late")
        loop.call_at(began + 60, lambda: _commit(store, key, value))
        await asyncio.sleep(61)
        following.cancel()
        assert [kind for kind, _ in told] == ["ADDED", "BOOKMARK"]
        assert [revision for _, revision in told] == [store.revision] * 2

    run(test())


def _commit(store: MemoryStore, key: str, value: bytes) -> None:
    """A write by somebody else, now: no turn of the loop is between it and what is due at the same time."""
    with pytest.raises(StopIteration):
        store.create(key, value).send(None)


def test_a_history_that_is_gone_is_an_error_event() -> None:
    async def test(world: World) -> None:
        start = world.store.revision
        await world.client.create(pod("a"))
        await world.client.create(pod("b"))
        await world.store.compact(world.store.revision)
        (frame,) = await world.watch(f"{PODS}?watch=1&resourceVersion={start}")
        assert (frame["type"], frame["object"]["code"], frame["object"]["reason"]) == ("ERROR", 410, "Expired")

    in_world(test, watch_seconds=0.05)


def test_a_watch_of_one_object_sees_no_other() -> None:
    async def test(world: World) -> None:
        start = world.store.revision
        for name in ("web", "web-2", "we"):
            await world.client.create(pod(name))
        query = f"resourceVersion={start}"
        frames = await world.watch(f"{PODS}?watch=1&fieldSelector=metadata.name%3Dweb&{query}")
        assert [frame["object"]["metadata"]["name"] for frame in frames] == ["web"]
        frames = await world.watch(f"{PODS}/web?watch=1&{query}")
        assert [frame["object"]["metadata"]["name"] for frame in frames] == ["web"]

    in_world(test, watch_seconds=0.05)


def test_field_selectors_of_a_kind() -> None:
    async def test(world: World) -> None:
        start = world.store.revision
        await world.client.create(pod("a", nodeName="n1"))
        await world.client.create(pod("b"))
        target = {"kind": "Node", "name": "n1"}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "b", "namespace": "default"}}
        await world.client.create({**binding, "target": target}, subresource="binding")
        query = f"watch=1&fieldSelector=spec.nodeName%3Dn1&resourceVersion={start}"
        frames = await world.watch(f"/api/v1/pods?{query}")
        assert [(frame["type"], frame["object"]["metadata"]["name"]) for frame in frames] == [
            ("ADDED", "a"),
            ("ADDED", "b"),
        ]

    in_world(test, watch_seconds=0.05)
