"""When the Services have let go of a pod, told from slices as they change, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from podo.client.cache import Cache
from podo.client.contract import Client
from podo.lab import run
from podo.lab.virtualtime import START
from podo.network.services.withdrawal import OTHER_NODES_SECONDS, Withdrawal
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock

Obj = dict[str, Any]
POD = {"metadata": {"name": "web", "namespace": "default", "uid": "u1"}}


def piece(uid: str, revision: int, **conditions: bool) -> Obj:
    endpoint = {"addresses": ["10.244.0.2"], "conditions": conditions, "targetRef": {"kind": "Pod", "uid": uid}}
    metadata = {"name": "web-1", "namespace": "default", "resourceVersion": str(revision)}
    return {"kind": "EndpointSlice", "metadata": metadata, "endpoints": [endpoint]}


def node(name: str) -> Obj:
    return {"kind": "Node", "metadata": {"name": name, "resourceVersion": "1"}}


class Story:
    """A cache that is filled by hand, and rules that follow it when ``applied`` is set."""

    def __init__(self) -> None:
        clock = LoopClock(START, asyncio.get_running_loop())
        self.cache = Cache(cast(Client, None), ("EndpointSlice", "Node"), clock=clock, chance=Chance(1))
        self.applied = asyncio.Event()
        self.withdrawal = Withdrawal(self.cache, self._settled)
        self.withdrawal.start()

    async def _settled(self) -> None:
        await self.applied.wait()

    def slices(self, *pieces: Obj, revision: int) -> None:
        self.cache.replace("EndpointSlice", list(pieces), revision)

    async def goes_on(self) -> bool:
        """Is it still waited for, after all that can happen now has happened?"""
        waiting = asyncio.ensure_future(self.withdrawal.of(POD))
        done, _ = await asyncio.wait((waiting,), timeout=60)
        waiting.cancel()
        return not done


def test_a_pod_of_no_service_is_not_waited_for() -> None:
    async def body() -> None:
        story = Story()
        story.slices(piece("another", 2, ready=True), revision=2)
        await asyncio.wait_for(story.withdrawal.of(POD), 1)

    run(body())


def test_it_takes_the_slice_and_the_rules() -> None:
    async def body() -> None:
        story = Story()
        story.slices(piece("u1", 2, ready=True), revision=2)
        assert await story.goes_on()
        story.slices(piece("u1", 3, ready=False, serving=True, terminating=True), revision=3)
        assert await story.goes_on()
        story.applied.set()
        assert not await story.goes_on()

    run(body())


def test_a_change_of_the_slice_is_seen_while_waiting() -> None:
    async def body() -> None:
        story = Story()
        story.applied.set()
        story.slices(piece("u1", 2, ready=True), revision=2)
        waiting = asyncio.ensure_future(story.withdrawal.of(POD))
        await asyncio.sleep(1)
        assert not waiting.done()
        story.slices(revision=3)
        await asyncio.wait_for(waiting, 0.01)

    run(body())


def test_a_service_that_publishes_what_is_not_ready_holds_up_nothing() -> None:
    async def body() -> None:
        story = Story()
        story.applied.set()
        story.slices(piece("u1", 2, ready=True, serving=False, terminating=True), revision=2)
        assert not await story.goes_on()

    run(body())


def test_other_nodes_are_given_a_moment() -> None:
    async def body() -> None:
        story = Story()
        story.applied.set()
        story.cache.replace("Node", [node("a"), node("b")], 1)
        story.slices(piece("u1", 2, ready=False), revision=2)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await story.withdrawal.of(POD)
        assert loop.time() - began == OTHER_NODES_SECONDS

    run(body())
