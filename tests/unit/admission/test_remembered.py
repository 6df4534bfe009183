"""What plug-ins remember of a kind is made anew when an object of it has changed."""

from __future__ import annotations

import asyncio

from podo.admission.remembered import Remembered
from podo.api.encoding import stamp
from podo.storage.contract import Store
from podo.storage.memory import MemoryStore

VALUE = b'{"apiVersion":"v1","kind":"K","metadata":{"name":"x"}}'


async def _keys(store: Store) -> list[str]:
    return [record.key for record in (await store.range("/g/kinds/")).records]


def test_it_follows_creates_updates_and_deletes_of_its_kind_only() -> None:
    async def story() -> None:
        store, calls = MemoryStore(stamp), 0

        async def make(given: Store) -> list[str]:
            nonlocal calls
            calls += 1
            return await _keys(given)

        kept = Remembered("/g/kinds/", make)
        assert await kept.of(store) == []
        await store.create("/g/kinds/a", VALUE)
        assert await kept.of(store) == ["/g/kinds/a"]
        made = calls
        await store.create("/g/others/b", VALUE)
        assert await kept.of(store) == ["/g/kinds/a"]
        assert calls == made
        await store.delete("/g/kinds/a")
        assert await kept.of(store) == []

    asyncio.run(story())


def test_each_store_has_its_own() -> None:
    async def story() -> None:
        one, other = MemoryStore(stamp), MemoryStore(stamp)
        kept = Remembered("/g/kinds/", _keys)
        await one.create("/g/kinds/a", VALUE)
        await other.create("/g/kinds/b", VALUE)
        assert await kept.of(one) == ["/g/kinds/a"]
        assert await kept.of(other) == ["/g/kinds/b"]

    asyncio.run(story())
