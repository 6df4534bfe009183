"""One commit to many watches: who is told, how often an object is decoded, and what becomes of a slow watch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from podo.apiserver import glance, streams
from podo.http.message import Disconnected, Streaming
from tests.unit.apiserver.world import World, Written, in_world, pod


class Slow(Written):
    """A client that takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    @property
    def buffered(self) -> int:
        return 0 if self.let.is_set() else len(self.data)

    async def drain(self) -> None:
        await self.let.wait()


class Watches:
    """Watches of a world that run until the test ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, target: str, written: Written | None = None, accept: str = "application/json") -> Written:
        answer = await self._world.answer("GET", target, accept=accept)
        assert isinstance(answer, Streaming)
        written = written or Written()
        self._tasks.append(asyncio.get_running_loop().create_task(answer.produce(written)))
        await turns()
        return written

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def turns() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def seen(written: Written) -> list[tuple[str, str]]:
    lines = [orjson.loads(line) for line in written.data.splitlines()]
    return [(line["type"], line["object"]["metadata"].get("name", "")) for line in lines]


def test_a_node_is_told_of_its_pods_only_and_no_change_made_here_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0
    load = glance.stored.load

    def counting(*arguments: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return load(*arguments)

    async def test(world: World) -> None:
        nonlocal decoded
        watches = Watches(world)
        start = world.store.revision
        nodes = [
            await watches.open(f"/api/v1/pods?watch=1&resourceVersion={start}&fieldSelector=spec.nodeName%3Dn{number}")
            for number in range(50)
        ]
        await world.client.create(pod("a", nodeName="n7"))
        await world.client.create(pod("b"))
        await turns()
        monkeypatch.setattr("podo.apiserver.glance.stored.load", counting)
        await world.client.patch("Pod", "a", "default", patch={"metadata": {"labels": {"x": "y"}}})
        baseline, decoded = decoded, 0
        await turns()
        assert decoded == 0, f"{decoded} decodes for 50 watches of one change (the write: {baseline})"
        assert seen(nodes[7]) == [("ADDED", "a"), ("MODIFIED", "a")]
        assert all(seen(node) == [] for number, node in enumerate(nodes) if number != 7)
        await watches.stop()
        assert world.server.backend.fanout._ranges == {}

    in_world(test)


def test_selectors_names_and_namespaces_side_by_side() -> None:
    async def test(world: World) -> None:
        watches = Watches(world)
        base = f"watch=1&resourceVersion={world.store.revision}"
        await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        every = await watches.open(f"/api/v1/pods?{base}")
        labelled = await watches.open(f"/api/v1/pods?{base}&labelSelector=app%3Dx")
        named = await watches.open(f"/api/v1/pods?{base}&fieldSelector=metadata.name%3Da")
        other = await watches.open(f"/api/v1/namespaces/other/pods?{base}")
        not_here = await watches.open(f"/api/v1/pods?{base}&fieldSelector=spec.nodeName!%3Dn1")
        await world.client.create(pod("a", nodeName="n1"))
        await turns()
        await world.client.patch("Pod", "a", "default", patch={"metadata": {"labels": {"app": "x"}}})
        await turns()
        await world.client.patch("Pod", "a", "default", patch={"metadata": {"labels": {"app": "y"}}})
        await turns()
        assert seen(every) == [("ADDED", "a"), ("MODIFIED", "a"), ("MODIFIED", "a")] == seen(named)
        assert seen(labelled) == [("ADDED", "a"), ("DELETED", "a")]
        assert seen(other) == seen(not_here) == []
        await watches.stop()

    in_world(test)


def test_writes_of_one_turn_are_one_write_to_a_watch() -> None:
    class Counting(Written):
        writes = 0

        def write(self, data: bytes) -> None:
            self.writes += 1
            super().write(data)

    async def test(world: World) -> None:
        watches = Watches(world)
        written = Counting()
        await watches.open(f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}", written)
        await asyncio.gather(*(world.client.create(pod(f"p{number}")) for number in range(20)))
        await turns()
        assert [name for _, name in seen(written)] == [f"p{number}" for number in range(20)]
        assert written.writes <= 3
        await watches.stop()

    in_world(test)


class Carrier:
    """A connection of many watches. ``at_once``: to how many of them each event went."""

    def __init__(self) -> None:
        self.at_once: list[int] = []

    def write_each(self, writers: Sequence[Written], data: bytes) -> None:
        self.at_once.append(len(writers))
        for writer in writers:
            writer.write(data)


class Carried(Slow):
    def __init__(self, carrier: Carrier, *, slow: bool = False) -> None:
        super().__init__()
        self.together = carrier
        if not slow:
            self.let.set()


def test_watches_of_one_connection_that_want_the_same_are_told_at_once() -> None:
    async def test(world: World) -> None:
        watches, one, other = Watches(world), Carrier(), Carrier()
        every = f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}"
        alike = [await watches.open(every, Carried(one)) for _ in range(3)]
        alike += [await watches.open(every, Carried(other)) for _ in range(2)]
        alike.append(await watches.open(every))
        labelled = await watches.open(f"{every}&labelSelector=app%3Dx", Carried(one))
        shown = await watches.open(every, Carried(one), accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        for name in "ab":
            await world.client.create(pod(name))
            await turns()
        assert (one.at_once, other.at_once) == ([3, 3], [2, 2])
        assert all(seen(written) == [("ADDED", "a"), ("ADDED", "b")] for written in alike)
        rows = [orjson.loads(line)["object"] for line in shown.data.splitlines()]
        assert [(row["kind"], len(row["columnDefinitions"] or ())) for row in rows] == [("Table", 9), ("Table", 0)]
        assert labelled.data == b""
        await watches.stop()
        assert world.server.backend.fanout._ranges == {}

    in_world(test)


def test_a_slow_watch_is_left_alone_and_those_beside_it_on_its_connection_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "HIGH_WATER", 1000)

    async def test(world: World) -> None:
        watches, carrier = Watches(world), Carrier()
        every = f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}"
        slow = Carried(carrier, slow=True)
        beside = [await watches.open(every, Carried(carrier)) for _ in range(2)]
        await watches.open(every, slow)
        for name in "abcdef":
            await world.client.create(pod(name))
            await turns()
        assert carrier.at_once[0] == 3 and carrier.at_once[-1] == 2
        assert 0 < len(seen(slow)) < 6
        slow.let.set()
        await turns()
        await world.client.create(pod("last"))
        await turns()
        names = [*"abcdef", "last"]
        assert all([name for _, name in seen(written)] == names for written in (slow, *beside))
        assert carrier.at_once[-1] == 3
        await watches.stop()

    in_world(test)


def test_a_slow_watch_is_bounded_and_then_gets_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HIGH_WATER", 4000)

    async def test(world: World) -> None:
        watches = Watches(world)
        slow = Slow()
        await watches.open(f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}", slow)
        for number in range(60):
            await world.client.create(pod(f"p{number:02}"))
            await turns()
        assert 4000 < len(slow.data) < 8000
        slow.let.set()
        await turns()
        assert [name for _, name in seen(slow)] == [f"p{number:02}" for number in range(60)]
        await world.client.create(pod("last"))
        await turns()
        assert seen(slow)[-1] == ("ADDED", "last") and len(seen(slow)) == 61
        await watches.stop()

    in_world(test)


def test_a_slow_watch_outlives_the_others_of_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HIGH_WATER", 100)

    async def test(world: World) -> None:
        slow, others = Watches(world), Watches(world)
        base = f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}"
        written = Slow()
        await slow.open(base, written)
        await others.open(base)
        await world.client.create(pod("a"))
        await turns()
        await others.stop()
        written.let.set()
        await turns()
        await world.client.create(pod("b"))
        await turns()
        assert [name for _, name in seen(written)] == ["a", "b"]
        await slow.stop()

    in_world(test)


def test_a_watch_that_takes_what_it_gets_is_asked_seldom_and_never_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much has passed: only what waits counts. And that is looked at when it may be too much, not each time."""
    asked = 0

    class Quick(Written):
        @property
        def buffered(self) -> int:
            nonlocal asked
            asked += 1
            return 0

        async def drain(self) -> None:
            raise AssertionError("it was taken for slow")

    monkeypatch.setattr(streams, "HIGH_WATER", 5000)

    async def test(world: World) -> None:
        watches, names = Watches(world), [f"p{number}" for number in range(20)]
        quick = Quick()
        await watches.open(f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}", quick)
        for name in names:
            await world.client.create(pod(name))
            await turns()
        assert [name for _, name in seen(quick)] == names
        assert len(quick.data) > 5000 and 0 < asked < len(names) / 2
        await watches.stop()

    in_world(test)


def test_a_slow_watch_with_a_selector_sees_each_event_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HIGH_WATER", 100)

    async def test(world: World) -> None:
        watches, slow = Watches(world), Slow()
        selected = f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}&fieldSelector=metadata.name%21%3Db"
        await watches.open(selected, slow)
        for name in ("a", "b", "c"):
            await world.client.create(pod(name))
            await turns()
        slow.let.set()
        await turns()
        await world.client.create(pod("d"))
        await turns()
        assert [name for _, name in seen(slow)] == ["a", "c", "d"]
        await watches.stop()

    in_world(test)


def test_a_slow_watch_whose_history_is_gone_is_told_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HIGH_WATER", 100)

    async def test(world: World) -> None:
        watches = Watches(world)
        slow = Slow()
        await watches.open(f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}", slow)
        for name in ("a", "b", "c"):
            await world.client.create(pod(name))
            await turns()
        await world.store.compact(world.store.revision)
        slow.let.set()
        await turns()
        last = orjson.loads(slow.data.splitlines()[-1])
        assert (last["type"], last["object"]["code"], last["object"]["reason"]) == ("ERROR", 410, "Expired")
        await watches.stop()

    in_world(test)


def test_a_client_that_goes_and_a_store_that_closes_end_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Slow):
        async def drain(self) -> None:
            raise Disconnected

    monkeypatch.setattr(streams, "HIGH_WATER", 100)

    async def test(world: World) -> None:
        watches = Watches(world)
        base = f"/api/v1/pods?watch=1&resourceVersion={world.store.revision}"
        await watches.open(base, Gone())
        await watches.open(base, Written())
        await world.client.create(pod("a"))
        await turns()
        await world.store.close()
        async with asyncio.timeout(60):
            await asyncio.gather(*watches._tasks)
        assert world.server.backend.fanout._ranges == {}

    in_world(test)
