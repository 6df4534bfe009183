"""Faults for a simulated cluster: late watches, refused and lost requests, chosen by a seed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import BindsMany, Client, Event, ObjectList, Unreachable
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.tasks import Tasks, sleep

T = TypeVar("T")
Batch = list[Event]


@dataclass(slots=True)
class Faults:
    """What goes wrong between the API server and all clients but the test's own. May be changed at any time.

    ``watch_lag``: seconds by which watches are late. ``latency``: seconds each request takes. The others are shares of
    requests, 0 to 1: ``errors`` are answered 503 and not carried out, ``lost_requests`` never arrive, ``losses`` (of
    writes) are carried out, but nobody learns of it. ``cut_off``: nothing arrives; watches end with the next change.
    """

    watch_lag: float = 0.0
    latency: float = 0.0
    errors: float = 0.0
    lost_requests: float = 0.0
    losses: float = 0.0
    cut_off: bool = False


_NONE = Faults()


class FaultyClient:
    """A client with ``faults`` in front of it."""

    def __init__(self, client: Client, faults: Faults, clock: Clock, chance: Chance) -> None:
        self._client = client
        self._faults = faults
        self._clock = clock
        self._chance = chance
        self._tasks = Tasks("faults")
        self.over_network = client.over_network

    async def _before(self) -> None:
        if self._faults.cut_off:
            raise Unreachable("cut off from the API server (fault of the lab)")
        if self._faults.latency:
            await sleep(self._faults.latency)
        if self._faults.lost_requests and self._chance.fraction() < self._faults.lost_requests:
            raise Unreachable("the request was lost (fault of the lab)")
        if self._faults.errors and self._chance.fraction() < self._faults.errors:
            raise ApiError(
                "ServiceUnavailable", "the server is currently unable to handle the request (fault of the lab)"
            )

    async def _read(self, request: Awaitable[T]) -> T:
        if self._faults != _NONE:
            await _first(self._before(), request)
        return await request

    async def _write(self, request: Awaitable[T]) -> T:
        if self._faults != _NONE:
            await _first(self._before(), request)
        answer = await request
        if self._faults.losses and self._chance.fraction() < self._faults.losses:
            raise Unreachable("the answer was lost (fault of the lab)")
        return answer

    async def get(self, *args: Any, **options: Any) -> Obj:
        return await self._read(self._client.get(*args, **options))

    async def list(self, *args: Any, **options: Any) -> ObjectList:
        return await self._read(self._client.list(*args, **options))

    async def create(self, *args: Any, **options: Any) -> Obj:
        return await self._write(self._client.create(*args, **options))

    async def bind_all(self, bindings: Sequence[Obj]) -> Sequence[ApiError | None]:
        """One request: it is lost, or its answer is, as a whole."""
        if not isinstance(self._client, BindsMany):
            raise ApiError("MethodNotAllowed", "the client behind the faults binds one by one")
        return await self._write(self._client.bind_all(bindings))

    async def update(self, *args: Any, **options: Any) -> Obj:
        return await self._write(self._client.update(*args, **options))

    async def patch(self, *args: Any, **options: Any) -> Obj:
        return await self._write(self._client.patch(*args, **options))

    async def delete(self, *args: Any, **options: Any) -> Obj:
        return await self._write(self._client.delete(*args, **options))

    async def delete_collection(self, *args: Any, **options: Any) -> None:
        await self._write(self._client.delete_collection(*args, **options))

    async def watch(self, *args: Any, **options: Any) -> AsyncIterator[Batch]:
        """Each batch as late as ``watch_lag`` says, counted from when it was sent."""
        await self._before()
        line: asyncio.Queue[tuple[float, Batch | Exception | None]] = asyncio.Queue()
        reader = self._tasks.spawn(self._receive(line, args, options), "watch")
        try:
            while True:
                sent, batch = await line.get()
                wait = sent + self._faults.watch_lag - self._clock.monotonic()
                if wait > 0:
                    await sleep(wait)
                if batch is None:
                    return
                if isinstance(batch, Exception):
                    raise batch
                if self._faults.cut_off:
                    raise Unreachable("cut off from the API server (fault of the lab)")
                yield batch
        finally:
            reader.cancel()

    async def _receive(
        self, line: asyncio.Queue[tuple[float, Batch | Exception | None]], args: Any, options: Any
    ) -> None:
        last: Exception | None = None
        try:
            async for batch in self._client.watch(*args, **options):
                line.put_nowait((self._clock.monotonic(), batch))
        except (ApiError, Unreachable) as error:
            last = error
        line.put_nowait((self._clock.monotonic(), last))


async def _first(before: Awaitable[None], request: Awaitable[Any]) -> None:
    """Await ``before``; where it raises, ``request`` never begins."""
    try:
        await before
    except BaseException:
        close = getattr(request, "close", None)
        if close is not None:
            close()
        raise
