from __future__ import annotations

import asyncio

from podo.storage.memory import MemoryStore


def test_a_fork_goes_its_own_way() -> None:
    async def story() -> None:
        store = MemoryStore(lambda value, revision: b"%d|" % revision + value)
        for n in range(5):
            await store.create(f"/a/b/{n}", b"x")
        watch = store.watch("")
        fork = store.fork()
        assert (await fork.create("/a/b/new", b"y")).revision == store.revision + 1
        await fork.delete("/a/b/1")
        assert watch.take() == []
        assert (store.count("/a/b/"), fork.count("/a/b/")) == (5, 5)
        assert await store.get("/a/b/new") is None
        assert [one.revision for one in fork.watch("", after=2).take()] == [3, 4, 5, 6, 7, 8]
        await store.update("/a/b/1", b"z")
        assert len(watch.take()) == 1

    asyncio.run(story())
