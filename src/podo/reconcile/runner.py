"""Runs controllers: one subscription to the cache feeds them all, each has its own queue and workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from podo.client.cache import SYNC_SECONDS, Cache, Changes
from podo.client.contract import Client
from podo.client.events import Recorder
from podo.reconcile.declare import Declaration, Key
from podo.reconcile.loop import Around, Loop, Observer, OnBug
from podo.reconcile.queue import KeyQueue
from podo.reconcile.wake import Route
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.tasks import within

KEPT_BUGS = 100


class Runner:
    """The frame's machine. The cache is shared and belongs to the caller, who starts and stops it.

    Promises, for each key of each controller: one pass at a time; a pass decides on one state of the cache and its
    whole list of
    actions is known before the first is carried out; no pass before the cache has seen what the last one wrote;
    conflicts and
    transport errors are tried again with growing delay (5 ms to 1000 s); a refusal is told (``on_refusal``) and
    looked at again
    after a second at the earliest; a bug is logged, told to ``on_bug``, and concerns only its key.
    """

    def __init__(
        self,
        declarations: Iterable[Declaration],
        client: Client,
        cache: Cache,
        clock: Clock,
        chance: Chance,
        recorder: Recorder,
        *,
        on_bug: OnBug | None = None,
        clients: Mapping[str, Client] | None = None,
        observers: Mapping[str, Observer] | None = None,
    ) -> None:
        self._cache = cache
        self._on_bug = on_bug
        around = Around(
            client, clients or {}, cache, clock, chance, recorder, self._bug, self._progress, observers or {}
        )
        self._loops = [Loop(each, around) for each in declarations]
        self._waiting = around.waiting
        #: The first bugs in decisions, for tests to find.
        self.bugs: list[Exception] = []
        self._unsubscribe: Callable[[], None] | None = None
        self._quiet: set[asyncio.Future[None]] = set()
        kinds = sorted({kind for loop in self._loops for kind in loop.kinds})
        self._listeners = [loop.listener for loop in self._loops]
        self._routes = {kind: Route(kind, self._listeners) for kind in kinds}
        self._custom_routes: dict[str, Route] = {}
        cache.require(kinds)

    async def start(self, deadline_seconds: float = SYNC_SECONDS) -> None:
        """Wait until the cache is synced, then run. TimeoutError after the deadline."""
        await self._cache.wait_synced(deadline_seconds)
        self._unsubscribe = self._cache.subscribe(self._changed)
        for loop in self._loops:
            loop.open()

    async def stop(self) -> None:
        """No new pass begins; writes under way are cancelled (their fate is for the next start to see)."""
        if self._unsubscribe:
            self._unsubscribe()
            self._unsubscribe = None
        for loop in self._loops:
            await loop.close()

    @property
    def running(self) -> bool:
        return self._unsubscribe is not None

    def queues(self) -> dict[str, KeyQueue[Key]]:
        """Of each controller."""
        return {loop.declaration.name: loop.queue for loop in self._loops}

    def idle(self) -> bool:
        """Is no key queued, in work, or waiting for the cache? Timers and back-offs do not count."""
        return all(loop.idle() for loop in self._loops)

    async def settled(self, deadline_seconds: float = 60.0) -> None:
        """Return when ``idle``; TimeoutError names who is not."""
        try:
            await within(deadline_seconds, self._until_idle())
        except TimeoutError:
            busy = ", ".join(loop.declaration.name for loop in self._loops if not loop.idle())
            raise TimeoutError(f"still at work after {deadline_seconds:g} s: {busy}") from None

    async def _until_idle(self) -> None:
        while not self.idle():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._quiet.add(future)
            try:
                await future
            finally:
                self._quiet.discard(future)

    def _bug(self, controller: str, key: Key | None, bug: Exception) -> None:
        if len(self.bugs) < KEPT_BUGS:
            self.bugs.append(bug)
        if self._on_bug:
            self._on_bug(controller, key, bug)

    def _progress(self) -> None:
        if self._quiet and self.idle():
            for future in self._quiet:
                if not future.done():
                    future.set_result(None)

    def _custom_route(self, kind: str) -> Route | None:
        """Whom a kind concerns that has come since; its end is told when it is there no more."""
        source = self._cache.source(kind)
        if source is None:
            return self._custom_routes.pop(kind, None)
        if source.is_custom and kind not in self._custom_routes:
            self._custom_routes[kind] = Route(kind, self._listeners, is_custom=True)
        return self._custom_routes.get(kind)

    def _changed(self, kind: str, revision: int, changes: Changes) -> None:
        for loop in tuple(self._waiting):
            loop.seen(kind, revision)
        route = self._routes.get(kind) or self._custom_route(kind)
        if changes and route is not None:
            route.tell(changes)
        self._progress()
