"""A client whose watches are late, each kind by its own measure, repeat themselves and end; and whose process can die
between any two steps of its writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.client.contract import Batch, Client
from podo.reconcile.perform import kind_name
from podo.runtime.chance import Chance
from podo.runtime.tasks import sleep

T = TypeVar("T")
#: Seconds by which a kind's events are late, at most; longer than any controller takes to react.
LATEST = 3.0
SHARE_REPEATED, SHARE_ENDED = 0.3, 0.05


@dataclass(slots=True)
class Fate:
    """How a process ends: before it carries out its ``dies_at``-th step (a write has two: to be done, to be told)."""

    dies_at: int = -1
    steps: int = 0
    #: What was written: kind, namespace, name.
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    #: Asked after each write.
    look: Callable[[], Awaitable[None]] | None = None

    async def step(self) -> None:
        if self.steps == self.dies_at:
            self.dead.set()
        self.steps += 1
        await self.alive()

    async def alive(self) -> None:
        """Nobody who asks a dead process gets an answer."""
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()


class DisturbedClient:
    """``client`` as a process of this ``fate`` has it. Without ``chance`` its watches are on time."""

    def __init__(self, client: Client, fate: Fate, chance: Chance | None = None) -> None:
        self._client, self._fate, self._chance = client, fate, chance
        self.over_network = client.over_network

    async def get(self, *args: Any, **options: Any) -> Any:
        await self._fate.alive()
        return await self._client.get(*args, **options)

    async def list(self, *args: Any, **options: Any) -> Any:
        await self._fate.alive()
        return await self._client.list(*args, **options)

    async def create(self, obj: Obj, **options: Any) -> Any:
        return await self._write(place(obj), partial(self._client.create, obj, **options))

    async def update(self, obj: Obj, **options: Any) -> Any:
        return await self._write(place(obj), partial(self._client.update, obj, **options))

    async def patch(self, kind: str, name: str, namespace: str = "", **options: Any) -> Any:
        request = partial(self._client.patch, kind, name, namespace, **options)
        return await self._write((kind, namespace, name), request)

    async def delete(self, kind: str, name: str, namespace: str = "", **options: Any) -> Any:
        request = partial(self._client.delete, kind, name, namespace, **options)
        return await self._write((kind, namespace, name), request)

    async def delete_collection(self, kind: str, namespace: str = "", **options: Any) -> None:
        request = partial(self._client.delete_collection, kind, namespace, **options)
        await self._write((kind, namespace, ""), request)

    async def _write(self, what: tuple[str, str, str], request: Callable[[], Awaitable[T]]) -> T:
        await self._fate.step()
        answer = await request()
        self._fate.writes.append(what)
        if self._fate.look is not None:
            await self._fate.look()
        await self._fate.step()
        return answer

    async def watch(self, *args: Any, **options: Any) -> AsyncIterator[Batch]:
        async for batch in self._client.watch(*args, **options):
            await self._fate.alive()
            if self._chance is None:
                yield batch
                continue
            await sleep(self._chance.fraction() * LATEST)
            for event in batch:
                yield [event, event] if self._chance.fraction() < SHARE_REPEATED else [event]
            if self._chance.fraction() < SHARE_ENDED:
                return


def place(obj: Obj) -> tuple[str, str, str]:
    return kind_name(obj), namespace_of(obj), name_of(obj)
