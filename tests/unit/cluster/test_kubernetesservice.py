"""The Service default/kubernetes and its endpoints come back when they have been deleted."""

from __future__ import annotations

import asyncio

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Client, Event, Unreachable
from podo.cluster.controlplane import ControlPlane, Settings
from podo.cluster.standing import PAUSE_SECONDS, Standing
from podo.lab.virtualtime import START, run
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.runtime.tasks import Tasks, sleep
from podo.storage.memory import MemoryStore

PARTS = ("Service", "Endpoints", "EndpointSlice")


def plane(address: str) -> ControlPlane:
    clock, chance = LoopClock(START, asyncio.get_running_loop()), Chance(1)
    settings = Settings(server_address=address, server_port=6443)
    return ControlPlane(MemoryStore(stamp), clock, chance, settings, checked=True)


async def found(client: Client, kind: str) -> Obj | None:
    try:
        return await client.get(kind, "kubernetes", "default")
    except ApiError as error:
        assert error.reason == "NotFound", error
        return None


def test_what_is_deleted_comes_back_as_it_was() -> None:
    async def main() -> None:
        cluster = plane("192.0.2.7")
        await cluster.start()
        await cluster.start_loops()
        before = [await found(cluster.client, kind) for kind in PARTS]
        for gone in (*PARTS, PARTS):
            for kind in [gone] if isinstance(gone, str) else gone:
                await cluster.client.delete(kind, "kubernetes", "default")
            await sleep(15)
            after = [await found(cluster.client, kind) for kind in PARTS]
            for old, new in zip(before, after, strict=True):
                assert old is not None and new is not None
                assert old.get("spec") == new.get("spec") and old.get("subsets") == new.get("subsets")
                assert old.get("endpoints") == new.get("endpoints")
        revision = cluster.api.backend.store.revision
        await sleep(600)
        assert cluster.api.backend.store.revision == revision
        await cluster.stop()
        assert cluster.runner.bugs == []

    run(main())


def test_where_nobody_could_reach_the_server_there_are_no_endpoints() -> None:
    async def main() -> None:
        cluster = plane("127.0.0.1")
        await cluster.start()
        await cluster.start_loops()
        await cluster.client.delete("Service", "kubernetes", "default")
        await sleep(15)
        there = [await found(cluster.client, kind) is not None for kind in PARTS]
        assert there == [True, False, False]
        await cluster.stop()

    run(main())


def test_it_is_tried_again_while_the_api_cannot_be_reached() -> None:
    async def main() -> None:
        tries: list[str] = []

        async def ensure() -> None:
            tries.append("try")
            if len(tries) < 3:
                raise Unreachable("no connection")

        cache = plane("127.0.0.1").cache
        cache.require(["Service"])
        Standing(ensure, frozenset({"Service"}), ("default", "kubernetes"), Tasks("test")).keep(cache)
        gone = {"metadata": {"namespace": "default", "name": "kubernetes", "uid": "1"}}
        for step in (3, 4):
            there, not_there = (
                {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(step * 2 + more)}} for more in (0, 1)
            )
            cache.apply("Service", [Event("ADDED", there), Event("DELETED", not_there)])
            await sleep(10 * PAUSE_SECONDS)
            assert len(tries) == step

    run(main())
