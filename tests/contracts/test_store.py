"""The store contract: one suite, run on every implementation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from podo.storage.contract import (
    NEW,
    Change,
    Compacted,
    FutureRevision,
    KeyExists,
    KeyNotFound,
    Record,
    RevisionMismatch,
    Store,
    Write,
)
from podo.storage.memory import MemoryStore
from podo.storage.sqlite import SqliteStore

Opened = Callable[..., AbstractAsyncContextManager[Store]]


def stamp(value: bytes, revision: int) -> bytes:
    """As the API's: the revision goes right behind the opening of the metadata."""
    head, brace, rest = value.partition(b'"metadata":{')
    return head + brace + b'"resourceVersion":"%d",' % revision + rest


def body(text: object) -> bytes:
    return b'{"metadata":{"name":"x"},"data":"%s"}' % str(text).encode()


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def open_store(history_limit: int = 1000) -> AsyncIterator[Store]:
        make: Callable[..., Store] = MemoryStore
        if request.param == "sqlite":
            make = partial(SqliteStore, tmp_path / "store.db")
        store = make(stamp, history_limit=history_limit)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    return open_store


def on(opened: Opened, story: Callable[[Store], Awaitable[None]], **options: int) -> None:
    async def run() -> None:
        async with asyncio.timeout(120), opened(**options) as store:
            await story(store)

    asyncio.run(run())


def facts(changes: list[Change]) -> list[tuple[int, str, bytes, bool]]:
    return [(one.revision, one.key, one.record.value, one.deleted) for one in changes]


def test_a_created_value_is_read_back_stamped(opened: Opened) -> None:
    async def story(store: Store) -> None:
        before = store.revision
        record = await store.create("/core/pods/default/a", body("1"))
        assert record.revision == record.created == store.revision > before
        assert record.value == stamp(body("1"), record.revision)
        assert await store.get("/core/pods/default/a") == record
        assert await store.get("/core/pods/default/b") is None

    on(opened, story)


def test_an_empty_store_has_a_revision_that_can_be_read_and_watched_from(opened: Opened) -> None:
    async def story(store: Store) -> None:
        assert store.revision >= 1
        page = await store.range("/", revision=store.revision)
        assert (page.records, page.revision, page.remaining) == ([], store.revision, 0)
        assert store.watch("/", after=store.revision).take() == []

    on(opened, story)


def test_preconditions(opened: Opened) -> None:
    async def story(store: Store) -> None:
        first = await store.create("/a/b/c", body(1))
        with pytest.raises(KeyExists):
            await store.create("/a/b/c", body(2))
        with pytest.raises(KeyNotFound):
            await store.update("/a/b/d", body(2))
        with pytest.raises(KeyNotFound):
            await store.delete("/a/b/d")
        second = await store.update("/a/b/c", body(2), expected=first.revision)
        assert (second.created, second.revision) == (first.revision, store.revision)
        for attempt in (
            store.update("/a/b/c", body(3), expected=first.revision),
            store.delete("/a/b/c", expected=first.revision),
        ):
            with pytest.raises(RevisionMismatch) as refusal:
                await attempt
            assert refusal.value.current == second
        assert (await store.update("/a/b/c", body(3))).value == stamp(body(3), store.revision)
        assert store.revision == second.revision + 1  # refusals take no revision

    on(opened, story)


def test_a_delete_gives_the_last_value_at_its_own_revision(opened: Opened) -> None:
    async def story(store: Store) -> None:
        made = await store.create("/a/b/c", body("last"))
        gone = await store.delete("/a/b/c", expected=made.revision)
        assert (gone.revision, gone.created) == (made.revision + 1, made.created)
        assert gone.value == stamp(body("last"), gone.revision)
        assert await store.get("/a/b/c") is None
        again = await store.create("/a/b/c", body("again"))
        assert again.created == again.revision == gone.revision + 1

    on(opened, story)


def test_ranges_are_in_key_order_and_page(opened: Opened) -> None:
    async def story(store: Store) -> None:
        names = [f"/core/pods/{namespace}/p{n:03}" for namespace in ("a", "b", "a-b") for n in range(40)]
        random.Random(1).shuffle(names)
        await asyncio.gather(*(store.create(name, body(name)) for name in names))
        await store.create("/core/podsets/a/x", body("other"))
        page = await store.range("/core/pods/")
        assert [record.key for record in page.records] == sorted(names)
        assert page.revision == store.revision
        assert [one.key for one in (await store.range("/core/")).records] == [*sorted(names), "/core/podsets/a/x"]

        found, after = [], ""
        while True:
            page = await store.range("/core/pods/a/", after=after, limit=7)
            found += [record.key for record in page.records]
            assert page.remaining == 40 - len(found)
            if not page.remaining:
                break
            after = found[-1]
        assert found == sorted(name for name in names if "/a/" in name)
        assert store.count("/core/pods/") == 120
        assert store.count("/core/pods/a/") == 40
        assert store.count("/core/") == store.count("") == 121
        assert store.count("/none/") == 0

    on(opened, story)


def test_changed_tells_when_something_below_a_resource_was_written(opened: Opened) -> None:
    async def story(store: Store) -> None:
        assert store.changed("/core/pods/") == 0
        await store.create("/core/pods/a/x", body(1))
        first = store.changed("/core/pods/")
        await store.create("/core/nodes/n", body(1))
        assert store.changed("/core/pods/") == first > 0
        await store.update("/core/pods/a/x", body(2))
        second = store.changed("/core/pods/")
        assert second > first
        await store.delete("/core/pods/a/x")
        assert store.changed("/core/pods/") > second

    on(opened, story)


def test_pages_of_one_revision_do_not_see_what_comes_between(opened: Opened) -> None:
    async def story(store: Store) -> None:
        for n in range(10):
            await store.create(f"/core/pods/a/{n}", body(n))
        first = await store.range("/core/pods/", limit=4)
        await store.delete("/core/pods/a/2")
        await store.delete("/core/pods/a/7")
        await store.update("/core/pods/a/8", body("new"))
        await store.create("/core/pods/a/55", body("new"))
        rest = await store.range("/core/pods/", after=first.records[-1].key, limit=4, revision=first.revision)
        assert [one.key[-1] for one in rest.records] == ["4", "5", "6", "7"]
        assert (rest.revision, rest.remaining) == (first.revision, 2)
        last = await store.range("/core/pods/", after=rest.records[-1].key, revision=first.revision)
        assert [one.value for one in last.records] == [stamp(body(n), first.revision - 9 + n) for n in (8, 9)]

    on(opened, story)


def test_a_watch_gives_each_change_of_its_prefix_once_and_in_order(opened: Opened) -> None:
    async def story(store: Store) -> None:
        start = store.revision
        old = await store.create("/core/pods/a/x", body(1))
        watch = store.watch("/core/pods/a/", after=start)
        everything = store.watch("", after=start)
        from_now = store.watch("/core/pods/a/")
        narrow = store.watch("/core/pods/a/y")
        await store.create("/core/pods/b/x", body(2))
        await store.create("/core/pods/a/yy", body(3))
        new = await store.update("/core/pods/a/x", body(4))
        await store.delete("/core/pods/a/x")
        expected = [
            (start + 1, "/core/pods/a/x", stamp(body(1), start + 1), False),
            (start + 3, "/core/pods/a/yy", stamp(body(3), start + 3), False),
            (start + 4, "/core/pods/a/x", stamp(body(4), start + 4), False),
            (start + 5, "/core/pods/a/x", stamp(body(4), start + 5), True),
        ]
        changes = watch.take()
        assert facts(changes) == expected
        assert [one.previous for one in changes] == [None, None, old, new]
        assert [one.created for one in changes] == [True, True, False, False]
        assert watch.take() == []
        assert facts(from_now.take()) == expected[1:]
        assert facts(narrow.take()) == expected[1:2]
        assert [one.revision for one in everything.take()] == list(range(start + 1, start + 6))
        assert watch.revision == everything.revision == store.revision
        late = store.watch("/core/pods/a/", after=start + 3)
        assert late.revision == start + 3
        assert facts(late.take()) == expected[2:]

    on(opened, story)


def test_a_watch_of_a_quiet_prefix_follows_the_revision(opened: Opened) -> None:
    async def story(store: Store) -> None:
        watch = store.watch("/core/nodes/")
        for n in range(50):
            await store.create(f"/core/pods/a/{n}", body(n))
        assert watch.revision == store.revision
        assert watch.take() == []

    on(opened, story, history_limit=10)


def test_a_watch_from_before_joins_one_from_now_on(opened: Opened) -> None:
    async def story(store: Store) -> None:
        start = store.revision
        for name in "abc":
            await store.create(f"/a/b/{name}", body(name))
        now = store.watch("/a/b/")
        before = store.watch("/a/b/", after=start + 1)
        await store.create("/a/b/d", body("d"))
        all_of_it = store.watch("/a/b/", after=start)
        assert [change.key[-1] for change in now.take()] == ["d"]
        assert [change.key[-1] for change in before.take()] == ["b", "c", "d"]
        assert [change.key[-1] for change in all_of_it.take()] == ["a", "b", "c", "d"]
        await store.compact(start + 2)
        assert now.revision == before.revision == all_of_it.revision == store.revision
        with pytest.raises(Compacted):
            store.watch("/a/b/", after=start)

    on(opened, story)


def test_waiting_for_changes(opened: Opened) -> None:
    async def story(store: Store) -> None:
        watch = store.watch("/a/b/")
        waiting = asyncio.create_task(watch.wait())
        await store.create("/a/c/1", body(1))
        await asyncio.sleep(0)
        assert not waiting.done()
        await store.create("/a/b/1", body(1))
        await asyncio.wait_for(waiting, 60)
        await asyncio.wait_for(watch.wait(), 60)  # nothing was taken yet
        assert len(watch.take()) == 1

        batches: list[int] = []

        async def follow() -> None:
            async for batch in watch:
                batches.extend(one.revision for one in batch)

        following = asyncio.create_task(follow())
        wanted = [(await store.create(f"/a/b/x{n}", body(n))).revision for n in range(5)]
        while len(batches) < 5:
            await asyncio.sleep(0)
        assert batches == wanted
        watch.close()
        await asyncio.wait_for(following, 60)
        assert watch.take() == []

    on(opened, story)


def test_on_change_wakes_once_until_all_is_taken(opened: Opened) -> None:
    async def story(store: Store) -> None:
        calls: list[int] = []
        watch = store.watch("/a/b/")
        watch.on_change(lambda: calls.append(store.revision))
        assert calls == []
        await asyncio.gather(*(store.create(f"/a/b/{n}", body(n)) for n in range(5)))
        await store.create("/a/c/1", body(1))
        assert len(calls) == 1
        assert len(watch.take()) == 5
        await store.create("/a/c/2", body(1))
        assert len(calls) == 1
        await store.delete("/a/b/1")
        await store.delete("/a/b/2")
        assert len(calls) == 2
        watch.take()
        watch.close()
        await store.delete("/a/b/3")
        assert len(calls) == 2

    on(opened, story)


def test_compaction_forgets_the_history_and_keeps_the_values(opened: Opened) -> None:
    async def story(store: Store) -> None:
        start = store.revision
        for n in range(10):
            await store.create(f"/a/b/{n}", body(n))
        await store.update("/a/b/1", body("new"))
        await store.delete("/a/b/2")
        behind = store.watch("/a/b/", after=start)
        level = store.watch("/a/b/", after=start + 11)
        await store.compact(start + 11)
        assert store.oldest == start + 11
        with pytest.raises(Compacted) as gone:
            behind.take()
        assert gone.value.oldest == start + 11
        assert [one.deleted for one in level.take()] == [True]
        for refused in (start + 10, 1):
            with pytest.raises(Compacted):
                store.watch("/", after=refused)
            with pytest.raises(Compacted):
                await store.range("/", revision=refused)
        assert len((await store.range("/", revision=start + 11)).records) == 10
        assert len((await store.range("/")).records) == 9
        await store.compact(start + 3)  # forgotten already
        assert store.oldest == start + 11
        await store.compact(store.revision)
        assert store.oldest == store.revision
        assert (await store.get("/a/b/1")).value == stamp(body("new"), start + 11)  # type: ignore[union-attr]

    on(opened, story)


def test_the_future_is_refused(opened: Opened) -> None:
    async def story(store: Store) -> None:
        ahead = store.revision + 1
        for attempt in (store.range("/", revision=ahead), store.compact(ahead)):
            with pytest.raises(FutureRevision) as refusal:
                await attempt
            assert refusal.value.current == store.revision
        with pytest.raises(FutureRevision):
            store.watch("/", after=ahead)

    on(opened, story)


def test_the_history_is_bounded(opened: Opened) -> None:
    async def story(store: Store) -> None:
        watch, start = store.watch("/a/b/"), store.revision
        for n in range(50):
            await store.create(f"/a/b/{n}", body(n))
        assert store.revision - 10 <= store.oldest < store.revision
        assert watch.revision == start  # nothing was delivered: a bookmark must not say more
        with pytest.raises(Compacted):
            watch.take()
        await asyncio.wait_for(watch.wait(), 60)
        assert len(store.watch("/a/b/", after=store.oldest).take()) == store.revision - store.oldest

    on(opened, story, history_limit=10)


def test_writers_at_once_get_revisions_of_their_own_and_one_wins(opened: Opened) -> None:
    async def story(store: Store) -> None:
        start = store.revision
        watch = store.watch("")
        made = await asyncio.gather(*(store.create(f"/a/b/{n}", body(n)) for n in range(300)))
        assert sorted(one.revision for one in made) == list(range(start + 1, start + 301))
        assert [one.revision for one in watch.take()] == list(range(start + 1, start + 301))

        attempts = (store.update("/a/b/0", body(n), expected=made[0].revision) for n in range(20))
        results = await asyncio.gather(*attempts, return_exceptions=True)
        winners = [one for one in results if not isinstance(one, BaseException)]
        assert len(winners) == 1
        assert all(one.current == winners[0] for one in results if isinstance(one, RevisionMismatch))
        assert sum(isinstance(one, RevisionMismatch) for one in results) == 19

        creates = await asyncio.gather(*(store.create("/a/b/one", body(n)) for n in range(20)), return_exceptions=True)
        assert sum(isinstance(one, KeyExists) for one in creates) == 19

    on(opened, story)


def test_a_refusal_is_about_what_readers_see(opened: Opened) -> None:
    async def story(store: Store) -> None:
        async def create() -> bool:
            try:
                await store.create("/a/b/c", body(1))
            except KeyExists:
                return await store.get("/a/b/c") is not None
            return True

        assert all(await asyncio.gather(*(create() for _ in range(10))))

    on(opened, story)


def test_several_writes_happen_together_or_not_at_all(opened: Opened) -> None:
    async def story(store: Store) -> None:
        old = await store.create("/a/b/old", body(1))
        gone = await store.create("/a/b/gone", body(1))
        watch = store.watch("")
        made, changed, removed = await store.write_all(
            [
                Write("/a/c/new", body(2), NEW),
                Write("/a/b/old", body(2), old.revision),
                Write("/a/b/gone", None, gone.revision),
            ]
        )
        assert (made.created, changed.created, removed.created) == (made.revision, old.revision, gone.revision)
        assert [made.revision, changed.revision, removed.revision] == [gone.revision + n for n in (1, 2, 3)]
        assert made.value == stamp(body(2), made.revision)
        told = [(one.key, one.created, one.deleted) for one in watch.take()]
        assert told == [("/a/c/new", True, False), ("/a/b/old", False, False), ("/a/b/gone", False, True)]

        refusals: list[tuple[Write, type[Exception]]] = [
            (Write("/a/c/new", body(3), NEW), KeyExists),
            (Write("/a/b/old", body(3), old.revision), RevisionMismatch),
            (Write("/a/b/old", None, old.revision), RevisionMismatch),
            (Write("/a/b/gone", None), KeyNotFound),
            (Write("/a/b/gone", body(3)), KeyNotFound),
        ]
        for wrong, refusal in refusals:
            with pytest.raises(refusal) as told_of:
                await store.write_all([Write("/a/b/another", body(3), NEW), wrong])
            assert told_of.value.key == wrong.key  # type: ignore[attr-defined]
        assert await store.get("/a/b/another") is None
        assert store.revision == removed.revision
        assert await store.write_all([]) == []

    on(opened, story)


def test_nobody_sees_part_of_several_writes(opened: Opened) -> None:
    async def story(store: Store) -> None:
        odd: list[int] = []
        watch = store.watch("/a/b/")
        watch.on_change(lambda: odd.append(store.count("/a/b/") % 3 + len(watch.take()) % 3))

        def three(n: int) -> Awaitable[list[Record]]:
            return store.write_all([Write(f"/a/b/{n}-{part}", body(n), NEW) for part in range(3)])

        await asyncio.gather(*(three(n // 2) for n in range(1400)), return_exceptions=True)
        assert store.count("/a/b/") == 2100
        assert odd
        assert not any(odd)

    on(opened, story, history_limit=5000)


def test_a_cancelled_write_does_not_disturb_the_others(opened: Opened) -> None:
    async def story(store: Store) -> None:
        tasks = [asyncio.create_task(store.create(f"/a/b/{n}", body(n))) for n in range(20)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.create("/a/b/last", body("last"))
        changes = store.watch("", after=store.oldest).take()
        assert [one.revision for one in changes] == list(range(changes[0].revision, store.revision + 1))
        assert store.count("/a/b/") == 21  # it had begun: it is carried out

    on(opened, story)


@pytest.mark.parametrize("seed", range(6))
def test_random_histories_agree_with_a_naive_model(opened: Opened, seed: int) -> None:
    async def story(store: Store) -> None:
        await Comparison(store, random.Random(seed)).run(400)

    on(opened, story, history_limit=120)


class Comparison:
    """A store beside a model that keeps a whole copy of the state for each revision."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.store, self.chance = store, chance
        self.states: dict[int, dict[str, tuple[bytes, int, int]]] = {store.revision: {}}
        self.log: list[tuple[int, str, bytes, bool]] = []
        self.watches: list[tuple[str, list[tuple[int, str, bytes, bool]], object, int]] = []
        self.prefixes = ["", "/", "/a/b/", "/a/b/x/", "/a/b/x/1", "/a/c/", "/a/", "/a/b-c/", "/zz/"]

    @property
    def state(self) -> dict[str, tuple[bytes, int, int]]:
        return self.states[max(self.states)]

    async def run(self, steps: int) -> None:
        actions = [self.write] * 8 + [self.read] * 3 + [self.watch, self.take, self.compact]
        for step in range(steps):
            await self.chance.choice(actions)(step)
        await self.take(-1)

    async def write(self, step: int) -> None:
        key = self.chance.choice(["/a/b/x/", "/a/b/y/", "/a/c/x/", "/a/b-c/"]) + str(self.chance.randrange(15))
        state, revision = dict(self.state), max(self.states) + 1
        current = state.get(key)
        expected = self.chance.choice([0, current[2] if current else 1, 1])
        kind, value = self.chance.choice(["create", "update", "delete"]), body(step)
        try:
            if kind == "create":
                await self.store.create(key, value)
            elif kind == "update":
                await self.store.update(key, value, expected=expected)
            else:
                await self.store.delete(key, expected=expected)
        except KeyExists:
            assert kind == "create" and current
            return
        except KeyNotFound:
            assert kind != "create" and not current
            return
        except RevisionMismatch:
            assert kind != "create" and current and expected not in (0, current[2])
            return
        assert (kind == "create") == (current is None)
        assert current is None or expected in (0, current[2])
        if kind == "delete":
            self.log.append((revision, key, stamp(state.pop(key)[0], revision), True))
        else:
            state[key] = (value, current[1] if current else revision, revision)
            self.log.append((revision, key, stamp(value, revision), False))
        self.states[revision] = state

    async def read(self, step: int) -> None:
        prefix, limit = self.chance.choice(self.prefixes), self.chance.choice([0, 1, 3, 100])
        revision = self.chance.choice([0, self.chance.choice(list(self.states))])
        after = self.chance.choice(["", "/a/b/x/3", "/a/c/"])
        if revision and revision < self.store.oldest:
            with pytest.raises(Compacted):
                await self.store.range(prefix, revision=revision)
            return
        state = self.states[revision or max(self.states)]
        wanted = [
            (key, stamp(value, changed), created, changed)
            for key, (value, created, changed) in sorted(state.items())
            if key.startswith(prefix) and key > after
        ]
        page = await self.store.range(prefix, after=after, limit=limit, revision=revision)
        found = [(one.key, one.value, one.created, one.revision) for one in page.records]
        assert found == (wanted[:limit] if limit else wanted)
        assert page.remaining == len(wanted) - len(found)
        assert page.revision == (revision or max(self.states))
        assert self.store.count(prefix) == sum(key.startswith(prefix) for key in self.state)

    async def watch(self, step: int) -> None:
        after = self.chance.choice([0, *range(self.store.oldest, self.store.revision + 1)])
        prefix = self.chance.choice(self.prefixes)
        self.watches.append((prefix, [], self.store.watch(prefix, after=after), after or self.store.revision))

    async def take(self, step: int) -> None:
        for entry in list(self.watches):
            prefix, seen, watch, after = entry
            wanted = [one for one in self.log if one[0] > after and one[1].startswith(prefix)]
            try:
                seen += facts(watch.take())  # type: ignore[attr-defined]
            except Compacted:
                assert wanted[len(seen)][0] <= self.store.oldest
                self.watches.remove(entry)
                continue
            assert seen == wanted
            assert watch.revision == self.store.revision  # type: ignore[attr-defined]

    async def compact(self, step: int) -> None:
        if self.chance.random() < 0.3:
            revision = self.chance.randrange(self.store.oldest, self.store.revision + 1)
            await self.store.compact(revision)
            assert self.store.oldest >= revision
