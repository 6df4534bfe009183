"""Quotas under any order of writes: never exceeded, never understated, and exact as soon as nothing happens."""

from __future__ import annotations

import asyncio
import random

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.admission.resourcequota import accounts
from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.lab import run as in_virtual_time
from podo.lab.virtualtime import START
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.storage.contract import Record
from podo.storage.memory import MemoryStore
from tests.unit.admission.test_resourcequota import quota
from tests.unit.apiserver.extension.definitions import CRONTABS, Extended, crontab, definition, extended
from tests.unit.apiserver.world import pod

LIMIT = 5
KEY = "/core/resourcequotas/default/q"


class SlowStore(MemoryStore):
    """Commits as ever, but others come in before and after: as with a disk, or a store across a network."""

    def __init__(self, seed: int) -> None:
        super().__init__(stamp)
        self._random = random.Random(seed)

    async def _pause(self) -> None:
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)

    async def create(self, key: str, value: bytes) -> Record:
        await self._pause()
        done = await super().create(key, value)
        await self._pause()
        return done

    async def update(self, key: str, value: bytes, *, expected: int = 0) -> Record:
        await self._pause()
        done = await super().update(key, value, expected=expected)
        await self._pause()
        return done

    async def delete(self, key: str, *, expected: int = 0) -> Record:
        await self._pause()
        return await super().delete(key, expected=expected)


Step = tuple[str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["make", "make", "make", "end", "delete", "give up", "relabel"]), st.integers(0, 7)),
    min_size=5,
    max_size=40,
)


class Play:
    def __init__(self, seed: int) -> None:
        self.store = SlowStore(seed)
        self.server = ApiServer(self.store, LoopClock(START, asyncio.get_running_loop()), Chance(seed))
        self.client = LocalClient(self.server)

    async def open(self) -> None:
        await self.server.start()
        await self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        account = {"name": "default", "namespace": "default"}
        await self.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        await self.client.create(quota({"pods": str(LIMIT), "count/pods": "100"}))

    async def step(self, what: str, number: int) -> None:
        name = f"p{number}"
        try:
            if what == "make":
                await self.client.create(pod(name))
            elif what == "end":
                status = {"status": {"phase": "Succeeded"}}
                await self.client.patch("Pod", name, "default", patch=status, subresource="status")
            elif what == "delete":
                await self.client.delete("Pod", name, "default", grace_seconds=0)
            elif what == "give up":
                task = asyncio.ensure_future(self.client.create(pod(name)))
                for _ in range(number):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            elif what == "relabel":
                labels = {"metadata": {"labels": {"a": str(number)}}}
                await self.client.patch("ResourceQuota", "q", "default", patch=labels)
            else:
                lie = {"status": {"used": {"pods": str(number)}}}
                await self.client.patch("ResourceQuota", "q", "default", patch=lie, subresource="status")
        except (ApiError, TimeoutError):
            pass
        assert self.running() <= LIMIT

    def running(self) -> int:
        records = self.store._ledger.page("/core/pods/default/").records
        return sum(1 for record in records if orjson.loads(record.value)["status"]["phase"] == "Pending")

    def used(self) -> dict[str, str]:
        record = self.store._ledger.get(KEY)
        assert record is not None
        found: dict[str, str] = orjson.loads(record.value)["status"]["used"]
        return found


@settings(max_examples=12, deadline=None)
@given(steps, st.integers(0, 1 << 16))
def test_any_order_of_writes(found: list[Step], seed: int) -> None:
    async def run() -> None:
        play = Play(seed)
        await play.open()
        await asyncio.gather(*(play.step(*step) for step in found))
        await asyncio.sleep(2 * accounts.DOUBT_SECONDS)
        for _ in range(200):
            await asyncio.sleep(0)
        there = len(play.store._ledger.page("/core/pods/default/").records)
        assert play.used() == {"pods": str(play.running()), "count/pods": str(there)}

    in_virtual_time(run())


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 1 << 16))
def test_a_count_that_somebody_spoils_is_put_right(lies: list[int], seed: int) -> None:
    async def run() -> None:
        play = Play(seed)
        await play.open()
        for number in range(3):
            await play.step("make", number)
        await asyncio.gather(*(play.step("meddle", lie) for lie in lies), play.step("delete", 0))
        spec = {"spec": {"hard": {"pods": str(LIMIT), "count/pods": "99"}}}
        await play.client.patch("ResourceQuota", "q", "default", patch=spec)
        for _ in range(200):
            await asyncio.sleep(0)
        assert play.used() == {"pods": "2", "count/pods": "2"}

    in_virtual_time(run())


def test_custom_resources_are_counted() -> None:
    name = "count/crontabs.stable.example.com"

    async def test(world: Extended) -> None:
        await world.define(definition())
        await world.client.create(quota({name: "1"}))
        assert (await world.ask("POST", CRONTABS, crontab("one")))[0] == 201
        status, answer = await world.ask("POST", CRONTABS, crontab("two"))
        assert status == 403, answer
        assert answer["message"] == (
            f'crontabs.stable.example.com "two" is forbidden: exceeded quota: q, requested: {name}=1, '
            f"used: {name}=1, limited: {name}=1"
        )
        await world.ask("DELETE", f"{CRONTABS}/one")

        async def fits() -> bool:
            return (await world.ask("POST", CRONTABS, crontab("two")))[0] == 201

        await world.until(fits)

    extended(test)
