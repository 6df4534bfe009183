"""The cache against an API that lags, forgets its history and drops connections."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.cache import Cache, CacheChange, ChangedByReader
from podo.client.contract import Event, ObjectList, Unreachable
from podo.client.reflector import RevisionWentBack
from podo.lab.virtualtime import run
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from tests.unit.reconcile.fakeapi import FakeApi


def pod(name: str, namespace: str = "default", **metadata: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, **metadata}}


def at(revision: int, name: str = "a", **metadata: Any) -> Obj:
    return pod(name, resourceVersion=str(revision), uid=metadata.pop("uid", "u"), **metadata)


def cache_of(api: FakeApi, **options: Any) -> Cache:
    clock = LoopClock(0.0, asyncio.get_running_loop())
    return Cache(api, ["Pod"], clock=clock, chance=Chance(1), **options)


def test_it_lists_then_follows_in_order() -> None:
    async def main() -> None:
        api = FakeApi()
        await api.create(pod("old"))
        cache = cache_of(api)
        seen: list[tuple[str, str]] = []

        def note(kind: str, revision: int, changes: list[CacheChange]) -> None:
            for change in changes:
                what = "gone" if change.new is None else "new" if change.old is None else "changed"
                seen.append((what, change.place.name))

        assert not cache.synced
        await cache.start()
        await cache.wait_synced(5)
        cache.subscribe(note)
        await api.create(pod("web"))
        await api.update(pod("web"))
        last = await api.create(pod("api"))
        await api.delete("Pod", "old", "default")
        await cache.wait_for("Pod", int(last["metadata"]["resourceVersion"]) + 1)
        assert seen == [("new", "old"), ("new", "web"), ("changed", "web"), ("new", "api"), ("gone", "old")]
        assert [obj["metadata"]["name"] for obj in cache.list("Pod")] == ["api", "web"]
        assert cache.get("Pod", "old", "default") is None
        assert cache.was_deleted("Pod", "old", "default")
        await cache.stop()

    run(main())


def test_after_a_gap_it_lists_again_and_tells_the_difference() -> None:
    async def main() -> None:
        api = FakeApi()
        for name in ("stays", "goes", "comes-again"):
            await api.create(pod(name))
        cache = cache_of(api)
        await cache.start()
        await cache.wait_synced(5)

        def down(verb: str, kind: str, name: str) -> None:
            if verb in ("watch", "event", "list"):
                raise Unreachable("down")

        api.before = down
        await api.delete("Pod", "goes", "default")
        await api.delete("Pod", "comes-again", "default")
        await api.create(pod("comes-again"))
        await api.create(pod("new"))
        await asyncio.sleep(30)
        changes: list[CacheChange] = []
        cache.subscribe(lambda kind, revision, news: changes.extend(news))
        assert len(changes) == 3
        changes.clear()
        api.oldest = api.revision + 1  # its history is gone: 410
        api.before = lambda *_: None
        lists = api.lists
        last = await api.create(pod("last"))
        await cache.wait_for("Pod", int(last["metadata"]["resourceVersion"]), 120)
        assert api.lists == lists + 1
        told = [(change.place.name, change.old is None, change.new is None) for change in changes]
        assert told == [
            ("goes", False, True),
            ("comes-again", False, True),
            ("comes-again", True, False),
            ("last", True, False),
            ("new", True, False),
        ]
        await cache.stop()

    run(main())


def test_a_server_that_is_down_is_asked_less_and_less_often() -> None:
    async def main() -> None:
        api = FakeApi()
        asked: list[float] = []

        def down(verb: str, kind: str, name: str) -> None:
            asked.append(asyncio.get_running_loop().time())
            raise Unreachable("down")

        api.before = down
        cache = cache_of(api)
        await cache.start()
        with pytest.raises(TimeoutError, match="not listed within 600 s: Pod"):
            await cache.wait_synced(600)
        gaps = [later - earlier for earlier, later in pairwise(asked)]
        assert gaps[0] < 2
        assert 30 <= gaps[-1] <= 60
        await cache.stop()

    run(main())


def test_a_kind_that_is_refused_six_times_in_a_row_is_waited_for() -> None:
    async def main() -> None:
        api = FakeApi()
        refusals = iter(range(6))

        def refusing(verb: str, kind: str, name: str) -> None:
            if next(refusals, None) is not None:
                raise ApiError("ServiceUnavailable", "the server is currently unable to handle the request")

        api.before = refusing
        cache = cache_of(api)
        await cache.start()
        await cache.wait_synced()
        assert cache.synced
        assert asyncio.get_running_loop().time() > 60  # longer than the longest wait between two lists
        await cache.stop()

    run(main())


def test_revisions_only_grow() -> None:
    async def main() -> None:
        cache = cache_of(FakeApi())
        cache.replace("Pod", [at(5)], 7)
        cache.apply("Pod", [Event("MODIFIED", at(8)), Event("BOOKMARK", at(9)), Event("BOOKMARK", at(9))])
        assert cache.revision("Pod") == 9
        for event in (Event("MODIFIED", at(9)), Event("ADDED", at(4, "b")), Event("BOOKMARK", at(8))):
            with pytest.raises(RevisionWentBack):
                cache.apply("Pod", [event])
        assert cache.get("Pod", "b", "default") is None

    run(main())


def test_indexes_follow_changes_of_owner_and_labels() -> None:
    async def main() -> None:
        cache = cache_of(FakeApi())
        owner = [{"uid": "rs1", "controller": True}, {"uid": "other"}]
        cache.replace("Pod", [at(1, "a", labels={"app": "web"}, ownerReferences=owner), at(2, "b")], 2)
        names = lambda found: [obj["metadata"]["name"] for obj in found]  # noqa: E731
        assert names(cache.controlled_by("rs1", "Pod")) == names(cache.dependents_of("other")) == ["a"]
        assert cache.controlled_by("other", "Pod") == []
        assert names(cache.labelled("Pod", "default", {"app": "web"})) == ["a"]
        assert names(cache.labelled("Pod", "default", {})) == ["a", "b"]
        assert cache.labelled("Pod", "elsewhere", {"app": "web"}) == []
        cache.apply("Pod", [Event("MODIFIED", at(3, "a", labels={"app": "db"}))])
        assert cache.controlled_by("rs1", "Pod") == cache.dependents_of("other") == []
        assert cache.labelled("Pod", "default", {"app": "web"}) == []
        assert names(cache.labelled("Pod", "default", {"app": "db"})) == ["a"]
        cache.apply("Pod", [Event("DELETED", at(4, "a"))])
        assert cache.labelled("Pod", "default", {"app": "db"}) == []

    run(main())


def test_a_reader_that_changes_what_it_reads_is_found() -> None:
    async def main() -> None:
        cache = cache_of(FakeApi(), checked=True)
        cache.replace("Pod", [at(1)], 1)
        cache.check()
        found = cache.get("Pod", "a", "default")
        assert found is not None
        found["metadata"]["labels"] = {}
        with pytest.raises(ChangedByReader, match="Pod default/a"):
            cache.check()

    run(main())


def test_one_subscribers_bug_does_not_blind_the_others() -> None:
    async def main() -> None:
        cache = cache_of(FakeApi())
        seen: list[int] = []

        def buggy(kind: str, revision: int, changes: list[CacheChange]) -> None:
            raise ValueError("bug")

        cache.subscribe(buggy)
        end = cache.subscribe(lambda kind, revision, changes: seen.append(revision))
        cache.replace("Pod", [at(1)], 1)
        end()
        cache.replace("Pod", [at(2)], 2)
        assert seen == [1]

    run(main())


def test_long_lists_come_in_pages() -> None:
    class Paged(FakeApi):
        async def list(self, kind: str, namespace: str = "", *, continue_token: str = "", **_: Any) -> ObjectList:
            number = int(continue_token or 0)
            return ObjectList(
                [at(number + 1, f"pod-{number}", uid=f"u{number}")], 9, str(number + 1) if number < 2 else ""
            )

    async def main() -> None:
        cache = cache_of(Paged())
        await cache.start()
        await cache.wait_synced()
        assert cache.count("Pod") == 3
        assert cache.revision("Pod") == 9
        await cache.stop()

    run(main())


def test_waiting_for_a_revision_has_a_deadline() -> None:
    async def main() -> None:
        api = FakeApi()
        cache = cache_of(api)
        await cache.start()
        await cache.wait_synced()
        with pytest.raises(TimeoutError):
            await cache.wait_for("Pod", 1000, 5)
        await cache.stop()

    run(main())


def test_a_server_that_came_back_without_its_last_writes_is_listed_again() -> None:
    """As with a store in memory, or a restored backup: the known revision is one it has not come to."""

    async def main() -> None:
        api = FakeApi()
        await api.create(pod("kept"))
        await api.create(pod("forgotten"))
        cache = cache_of(api)
        await cache.start()
        await cache.wait_synced(5)

        def too_large(verb: str, kind: str, name: str) -> None:
            if verb in ("watch", "event") and cache.revision("Pod") > api.revision:
                cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
                raise ApiError("Timeout", "Timeout: Too large resource version: 2, current: 1", {"causes": [cause]})

        def down(verb: str, kind: str, name: str) -> None:
            if verb in ("watch", "event"):
                raise Unreachable("down")

        api.before = down
        await api.create(pod("never-seen"))
        await asyncio.sleep(0.1)
        api.before = too_large
        del api.objects["Pod", "default", "forgotten"], api.objects["Pod", "default", "never-seen"]
        api.log.clear()
        api.revision = 0
        await api.create(pod("new"))
        await asyncio.sleep(5)
        assert {obj["metadata"]["name"] for obj in cache.list("Pod")} == {"kept", "new"}
        assert cache.revision("Pod") == 1
        await api.create(pod("newer"))
        await cache.wait_for("Pod", 2, 5)
        await cache.stop()

    run(main())
