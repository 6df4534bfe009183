"""What a watch waits on."""

from __future__ import annotations

import asyncio

from podo.apiserver.bell import Bell
from tests.unit.apiserver.world import World, in_world


def test_a_ring_is_kept_until_it_is_forgotten() -> None:
    async def test() -> None:
        bell = Bell()
        bell.ring()
        assert await bell.wait(1, 60) and await bell.wait(1, 60)
        bell.forget()
        assert not await bell.wait(2, 0.001)
        asyncio.get_running_loop().call_soon(bell.ring)
        assert await bell.wait(3, 60)
        bell.close()

    asyncio.run(test())


def test_a_watch_ends_when_the_store_closes() -> None:
    async def test(world: World) -> None:
        watch = world.client.watch("Pod", "default", revision=world.store.revision)
        first = asyncio.ensure_future(anext(watch, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await world.store.close()
        assert await first is None

    in_world(test)
