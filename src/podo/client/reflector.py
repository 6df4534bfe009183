"""Keeps one kind of the cache up to date: list, then watch; with back-off, and a new list when the history is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Client, Event, Unreachable
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import sleep

log = Logger("podo.client.reflector")

#: Seconds to wait after a failure: the first and the longest (as client-go's reflector).
FIRST_WAIT, LONGEST_WAIT = 0.8, 30.0
#: The first of a custom kind: its watches end whenever its definition changes, which is no failure.
FIRST_WAIT_CUSTOM = 0.02
#: A watch that lived this long counts as healthy: the next failure starts with the shortest wait again.
HEALTHY_AFTER = 10.0
#: Seconds after which the server is asked to end a watch: between this and twice this.
WATCH_SECONDS = 300
#: How much longer than that a silent watch is believed.
WATCH_GRACE = 30
PAGE = 5000


class RevisionWentBack(Exception):
    """The server sent a change that is not newer than what is known: a bug on one side, mended by listing again."""


@dataclass(frozen=True, slots=True)
class Source:
    """A kind, or the part of it that the selectors leave. A plain string stands for the whole kind."""

    kind: str
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    #: Of a custom kind, which comes and goes: nobody waits for it. Whether its objects live in namespaces.
    is_custom: bool = False
    namespaced: bool = True


class Sink(Protocol):
    """Where a reflector puts what it learns (the cache)."""

    def replace(self, kind: str, items: list[Obj], revision: int) -> None: ...

    def apply(self, kind: str, events: Sequence[Event]) -> None: ...

    def revision(self, kind: str) -> int: ...


class Reflector:
    """One source's loop. ``run`` never returns; cancel it."""

    def __init__(self, client: Client, source: Source, sink: Sink, clock: Clock, chance: Chance) -> None:
        self.source = source
        self._client = client
        self._sink = sink
        self._clock = clock
        self._chance = chance
        self._first_wait = self._wait = FIRST_WAIT_CUSTOM if source.is_custom else FIRST_WAIT
        self._listed = False

    async def run(self) -> None:
        while True:
            began = self._clock.monotonic()
            try:
                if not self._listed:
                    await self._list()
                await self._watch()
                short = self._clock.monotonic() - began < 1.0
                failure: Exception | None = TimeoutError("the watch ended at once") if short else None
            except (ApiError, Unreachable, RevisionWentBack, TimeoutError, OSError) as error:
                failure = error
                if _means_list_again(error):
                    self._listed = False
            if failure is not None:
                await self._pause(failure, self._clock.monotonic() - began)

    async def _pause(self, failure: Exception, lived: float) -> None:
        if lived > HEALTHY_AFTER:
            self._wait = self._first_wait
        if not self._listed and isinstance(failure, ApiError) and failure.code == 410:
            log.info("history is gone, listing again", kind=self.source.kind)
        else:
            report = log.info if self.source.is_custom and self._wait == self._first_wait else log.warning
            report("watch failed, trying again", kind=self.source.kind, why=str(failure) or type(failure).__name__)
        await sleep(self._chance.jitter(self._wait, 1.0))
        self._wait = min(self._wait * 2, LONGEST_WAIT)

    async def _list(self) -> None:
        source = self.source
        items: list[Obj] = []
        token = ""
        while True:
            page = await self._client.list(
                source.kind,
                source.namespace,
                labels=source.labels,
                fields=source.fields,
                limit=PAGE,
                continue_token=token,
            )
            items += page.items
            token = page.continue_token
            if not token:
                break
        self._sink.replace(source.kind, items, page.revision)
        self._listed = True

    async def _watch(self) -> None:
        source = self.source
        seconds = int(self._chance.jitter(WATCH_SECONDS, 1.0)) if self._client.over_network else None
        stream = self._client.watch(
            source.kind,
            source.namespace,
            labels=source.labels,
            fields=source.fields,
            revision=self._sink.revision(source.kind),
            timeout_seconds=seconds,
        )
        async with asyncio.timeout(None if seconds is None else seconds + WATCH_GRACE):
            try:
                async for events in stream:
                    self._sink.apply(source.kind, events)
            finally:
                await _close(stream)


def _means_list_again(error: Exception) -> bool:
    """Is the known revision of no use: is its history gone, or is the server (a restored one) not there yet?"""
    if isinstance(error, ApiError):
        causes = (error.details or {}).get("causes") or ()
        return error.code == 410 or any(cause.get("reason") == "ResourceVersionTooLarge" for cause in causes)
    return isinstance(error, RevisionWentBack)


async def _close(stream: object) -> None:
    """Give up a watch now and not when the garbage collector comes by."""
    close: Callable[[], Awaitable[None]] | None = getattr(stream, "aclose", None)
    if close is not None:
        await close()
