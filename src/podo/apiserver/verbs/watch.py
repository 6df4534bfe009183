"""watch: the changes of a range from a revision on, as ADDED, MODIFIED and DELETED seen through a selector.

Source: "Efficient detection of changes" and "Streaming lists" of the Kubernetes API concepts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from podo.api.errors import bad_request
from podo.api.kind import Kind
from podo.apiserver import versions
from podo.apiserver.backend import Backend
from podo.apiserver.bell import Bell
from podo.apiserver.call import Call
from podo.apiserver.fanout import Audience, Batch, Outlet, Range, Seen, WatchEvent
from podo.apiserver.glance import Glance
from podo.apiserver.selection import Selection, select
from podo.storage.contract import Change, Compacted, FutureRevision

#: Initial events given in one batch, so that a long list does not hold the loop.
BATCH = 500
#: Events kept for a reader in this process; one that is further behind reads the history.
AHEAD = 4096
#: What ``Feed.next`` gives but bookmarks: it fell behind; somebody rang.
BEHIND, RUNG = "behind", "rung"
Step = Batch | str


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The parameters of watch. ``initial_events``: sendInitialEvents; ``timeout_seconds`` None: the server decides."""

    labels: str = ""
    fields: str = ""
    revision: str = ""
    match: str = ""
    bookmarks: bool = False
    initial_events: bool | None = None
    timeout_seconds: float | None = None


def open_watch(backend: Backend, call: Call, options: WatchOptions) -> Opened:
    """Check the request. Raises BadRequest, Invalid and Timeout (a revision yet to come)."""
    selection = select(call.kind, call.namespace, options.labels, options.fields)
    asked = versions.parse_revision(options.revision)
    versions.check_watch_match(options.match, options.initial_events)
    converts = call.kind in backend.converting
    backend = backend.home(call.kind)
    if asked and asked > backend.store.revision:
        raise versions.too_large(asked, backend.store.revision)
    return Opened(backend, selection, asked or 0, options, converts=converts)


class Opened:
    """A watch that was asked for in order: first ``initial``, then a ``feed`` of changes. ``converts``: its owner
    converts what comes (``extension.conversion.shown_events``), and only then applies the ``selection``."""

    __slots__ = ("_after", "_backend", "_selection", "options", "selection")

    def __init__(
        self, backend: Backend, selection: Selection, asked: int, options: WatchOptions, *, converts: bool = False
    ) -> None:
        self._backend = backend
        self.selection = selection
        self._selection = selection.raw() if converts else selection
        self._after = asked
        self.options = options

    async def initial(self) -> AsyncGenerator[Batch, None]:
        """The state the watch begins with, if one was asked for."""
        options, asked, store = self.options, self._after, self._backend.store
        self._after = asked or store.revision
        wanted = options.initial_events if options.initial_events is not None else asked == 0
        if not wanted:
            return
        page = await store.range(self._selection.prefix)
        found = [WatchEvent("ADDED", one, one.revision) for one in page.records if self._selection.matches(one)]
        self._after = page.revision
        for start in range(0, len(found), BATCH):
            yield Batch(found[start : start + BATCH])
        if options.initial_events and options.bookmarks:
            yield Batch([WatchEvent("BOOKMARK", None, page.revision, initial_end=True)])

    def feed(self, outlet: Outlet) -> Feed:
        """``outlet`` gets what happens, in the turn in which it happens, until it can take no more."""
        return Feed(self._backend, self._selection, self._after, self.options, outlet)


class Feed:
    """A watch after its beginning: ``fanout.Sink`` while it is up to date, a reader of the history while it is behind.

    The owner runs ``next`` until it gives None, calls ``resume`` when it is told BEHIND, and ``close`` in the end.
    """

    __slots__ = (
        "_after",
        "_audience",
        "_backend",
        "_bell",
        "_bookmark_at",
        "_end",
        "_lost",
        "_over",
        "_range",
        "_selection",
        "outlet",
    )

    def __init__(
        self,
        backend: Backend,
        selection: Selection,
        after: int,
        options: WatchOptions,
        outlet: Outlet,
    ) -> None:
        self._backend = backend
        self._selection = selection
        self._after = after  # everything up to here was put; while it is up to date, the range knows
        self.outlet = outlet
        self._bell = Bell()
        self._audience: Audience | None = None  # while up to date
        self._lost = self._over = False
        config, now = backend.config, backend.clock.monotonic()
        limit = options.timeout_seconds
        self._end = now + (limit if limit is not None else config.watch_seconds * (1 + backend.chance.fraction()))
        self._bookmark_at = now + config.bookmark_seconds if options.bookmarks else float("inf")
        self._range: Range | None = None  # while up to date

    # -- what the fan-out tells --------------------------------------------------------------------------------------

    def full(self, batch: Batch) -> None:
        self._leave()
        self._after = batch.revision
        self._bell.ring()

    def lost(self) -> None:
        if self._range is not None:
            self._after = self._range.revision
        self._leave()
        self._bell.ring()

    def over(self) -> None:
        self._over = True
        self._bell.ring()

    # -- what the owner does -----------------------------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        return self._audience is None

    def resume(self) -> None:
        """Put what has happened since, and follow from now on, unless that is too much again. Raises Expired."""
        selection, store = self._selection, self._backend.store
        if selection.kind.custom is not None and not self._backend.kinds.serves(selection.kind):
            self.over()  # its definition has changed meanwhile
            return
        try:
            watch = store.watch(selection.prefix, after=self._after)
            try:
                changes = watch.take()
            finally:
                watch.close()
        except Compacted as gone:
            raise versions.too_old(self._after, gone.oldest) from None
        except FutureRevision as ahead:
            raise versions.too_large(self._after, ahead.current) from None
        for start in range(0, len(changes), BATCH):
            part = changes[start : start + BATCH]
            events = [event for change in part if (event := _seen(selection.kind, change).through(selection))]
            self._after = part[-1].revision
            if events and not self.outlet.put(Batch(events)):
                return
        self._range = self._backend.fanout.range(store, selection.kind, selection.prefix)
        self._audience = self._range.join(self, selection)

    def ring(self) -> None:
        """Let ``next`` return."""
        self._bell.ring()

    async def next(self) -> Step | None:
        """Wait until there is something to do; None at the end of the watch's life."""
        clock = self._backend.clock
        while not self._over:
            if self.behind:
                return BEHIND
            now = clock.monotonic()
            if now >= self._end:
                return None
            if now >= self._bookmark_at:
                self._bookmark_at = now + self._backend.config.bookmark_seconds
                if self._range is not None:
                    self._range.pump()
                    if self.behind:
                        return BEHIND
                    return Batch([WatchEvent("BOOKMARK", None, self._range.revision)])
                continue
            moment = min(self._end, self._bookmark_at)
            if await self._bell.wait(moment, moment - now):
                self._bell.forget()
                if not self._over and not self.behind:
                    return RUNG
        return None

    def _leave(self) -> None:
        if self._audience is not None and self._range is not None:
            self._range.leave(self, self._audience)
        self._audience = self._range = None

    def close(self) -> None:
        self._leave()
        self._bell.close()
        self._backend.fanout.release(self._selection.kind, self._selection.prefix)


def _seen(kind: Kind, change: Change) -> Seen:
    """A change of the history, looked at for one watch only."""
    before = Glance(kind, change.previous) if change.previous is not None else None
    return Seen(change, before, None if change.deleted else Glance(kind, change.record))


class _Waiting(Outlet):
    """Events that wait for a reader in this process. ``ring`` is called when there are some."""

    def __init__(self) -> None:
        self.events: list[WatchEvent] = []
        self.ring: Callable[[], None]

    def put(self, batch: Batch) -> bool:
        self.events += batch.events
        self.ring()
        return len(self.events) < AHEAD

    def take(self) -> list[WatchEvent]:
        taken, self.events = self.events, []
        return taken


async def events_of(opened: Opened) -> AsyncGenerator[list[WatchEvent], None]:
    """A watch as batches of events, for readers in this process."""
    async for batch in opened.initial():
        yield batch.events
    waiting = _Waiting()
    feed = opened.feed(waiting)
    waiting.ring = feed.ring
    try:
        feed.resume()
        while True:
            if waiting.events:
                yield waiting.take()
                continue
            step = await feed.next()
            if step is None:
                return
            if isinstance(step, Batch):  # a bookmark: it speaks of what was put before it too
                yield [*waiting.take(), *step.events]
            elif step is BEHIND and not waiting.events:
                feed.resume()
    finally:
        feed.close()


def parse_timeout(text: str) -> float | None:
    """The timeoutSeconds parameter. Raises BadRequest."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise bad_request(f'timeoutSeconds: Invalid value: "{text}": must be a non-negative number')
    return float(text) or None
