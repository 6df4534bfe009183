"""One cache divided among readers: each is told of its own objects and of nothing else."""

from __future__ import annotations

import asyncio

from podo.api.kind import Obj
from podo.client.cache import Cache, CacheChange
from podo.client.division import Division
from podo.lab.virtualtime import run
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from tests.unit.reconcile.fakeapi import FakeApi


def pod(name: str, node: str = "") -> Obj:
    spec = {"nodeName": node} if node else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def node_of(obj: Obj) -> str:
    return str(obj["spec"].get("nodeName", ""))


class Reader:
    """Notes what it is told: a list for each call."""

    def __init__(self, division: Division, node: str) -> None:
        self.told: list[list[tuple[str, str]]] = []
        self.share = division.share(node)
        self.share.subscribe(self._note)

    def _note(self, kind: str, revision: int, changes: list[CacheChange]) -> None:
        what = [("gone" if c.new is None else "new" if c.old is None else "changed", c.place.name) for c in changes]
        self.told.append(what)

    @property
    def has(self) -> list[str]:
        return sorted(obj["metadata"]["name"] for obj in self.share.list("Pod"))


class Scene:
    """Two readers, ``a`` and ``b``, of one cache of pods."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.cache = Cache(self.api, ["Pod"], clock=LoopClock(0.0, asyncio.get_running_loop()), chance=Chance(1))
        self.division = Division(self.cache, "Pod", node_of)
        self.a, self.b = Reader(self.division, "a"), Reader(self.division, "b")

    async def start(self) -> None:
        self.division.start()
        await self.a.share.start()
        await self.b.share.start()
        await self.cache.start()
        await self.cache.wait_synced()

    async def seen(self, written: Obj) -> None:
        await self.cache.wait_for("Pod", int(written["metadata"]["resourceVersion"]))


def test_each_is_told_what_is_there_and_of_its_own_changes_only() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.api.create(pod("one", "a"))
        await scene.api.create(pod("nobodys"))
        await scene.start()
        assert (scene.a.told, scene.b.told) == ([[("new", "one")]], [[]])  # an empty list is news, too
        await scene.seen(await scene.api.create(pod("two", "b")))
        await scene.seen(await scene.api.update(pod("two", "b")))
        await scene.seen(await scene.api.update(pod("nobodys")))
        assert scene.a.told[1:] == []
        assert [change for told in scene.b.told for change in told] == [("new", "two"), ("changed", "two")]
        assert (scene.a.has, scene.b.has) == (["one"], ["two"])
        await scene.cache.stop()

    run(main())


def test_an_object_that_goes_from_one_to_another_goes_for_one_and_comes_for_the_other() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.api.create(pod("moves"))
        await scene.start()
        await scene.seen(await scene.api.update(pod("moves", "a")))
        await scene.seen(await scene.api.update(pod("moves", "b")))
        assert scene.a.told == [[], [("new", "moves")], [("gone", "moves")]]
        assert scene.b.told == [[], [("new", "moves")]]
        assert (scene.a.has, scene.b.has) == ([], ["moves"])
        await scene.cache.stop()

    run(main())


def test_who_has_ended_is_told_nothing_and_who_begins_again_is_told_all() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.start()
        await scene.a.share.stop()
        await scene.seen(await scene.api.create(pod("one", "a")))
        assert scene.a.told == [[]]
        await scene.a.share.start()
        assert scene.a.told == [[], [("new", "one")]]
        await scene.cache.stop()

    run(main())
