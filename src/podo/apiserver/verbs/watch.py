"""watch: the changes of a range from a revision on, as ADDED, MODIFIED and DELETED seen through a selector.

Source: "Efficient detection of changes" and "Streaming lists" of the Kubernetes API concepts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from podo.api.encoding import encode, load, stamp
from podo.api.errors import ApiError, bad_request
from podo.apiserver import versions
from podo.apiserver.backend import Backend
from podo.apiserver.bell import Bell
from podo.apiserver.call import Call
from podo.apiserver.selection import Selection, select
from podo.storage.contract import Change, Compacted, FutureRevision, Record, Watch

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
#: Initial events given in one batch, so that a long list does not hold the loop.
BATCH = 500


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


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """``type``: ADDED, MODIFIED, DELETED or BOOKMARK (has no record). ``initial_end``: no initial events follow."""

    type: str
    record: Record | None
    revision: int
    initial_end: bool = False


async def open_watch(backend: Backend, call: Call, options: WatchOptions) -> AsyncGenerator[list[WatchEvent], None]:
    """Check the request and give its batches of events. Iterating raises Expired when the history needed is gone.

    Raises BadRequest, Invalid and Timeout (a revision yet to come) at once.
    """
    selection = select(call.kind, call.namespace, options.labels, options.fields)
    asked = versions.parse_revision(options.revision)
    _check_initial(options)
    if asked and asked > backend.store.revision:
        raise versions.too_large(asked, backend.store.revision)
    return _events(backend, selection, asked or 0, options)


def _check_initial(options: WatchOptions) -> None:
    if options.initial_events is None:
        if options.match:
            raise _refused(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        return
    if options.match != "NotOlderThan":
        raise _refused(
            "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    if options.initial_events and not options.bookmarks:
        raise _refused("allowWatchBookmarks", "sendInitialEvents requires allowWatchBookmarks")


def _refused(field: str, why: str) -> ApiError:
    return ApiError("Invalid", f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {why}')


async def _events(
    backend: Backend, selection: Selection, asked: int, options: WatchOptions
) -> AsyncGenerator[list[WatchEvent], None]:
    wants_state = options.initial_events if options.initial_events is not None else asked == 0
    after = asked or backend.store.revision
    if wants_state:
        page = await backend.store.range(selection.prefix)
        found = [WatchEvent("ADDED", one, one.revision) for one in page.records if selection.matches(one)]
        after = page.revision
        for start in range(0, len(found), BATCH):
            yield found[start : start + BATCH]
        if options.initial_events:
            yield [WatchEvent("BOOKMARK", None, after, initial_end=True)]
    try:
        watch = backend.store.watch(selection.key or selection.prefix, after=after)
    except Compacted as gone:
        raise versions.too_old(after, gone.oldest) from None
    except FutureRevision as ahead:
        raise versions.too_large(after, ahead.current) from None
    bell = Bell()
    watch.on_change(bell.ring)
    try:
        async for batch in _follow(backend, selection, watch, bell, options):
            yield batch
    except Compacted as gone:
        raise versions.too_old(watch.revision, gone.oldest) from None
    finally:
        watch.close()
        bell.close()


async def _follow(
    backend: Backend, selection: Selection, watch: Watch, bell: Bell, options: WatchOptions
) -> AsyncGenerator[list[WatchEvent], None]:
    """Changes as they come and bookmarks between them, until the watch has lived its time."""
    clock, config = backend.clock, backend.config
    limit = options.timeout_seconds
    lasts = limit if limit is not None else config.watch_seconds * (1 + backend.chance.fraction())
    end = clock.monotonic() + lasts
    bookmark_at = clock.monotonic() + config.bookmark_seconds
    woken = False
    while True:
        bell.forget()
        changes = watch.take()
        if batch := _seen(selection, changes):
            yield batch
        if woken and not changes:
            return  # the store closed the watch
        woken = False
        if changes:
            continue
        now = clock.monotonic()
        if now >= end:
            return
        if now >= bookmark_at:
            bookmark_at = now + config.bookmark_seconds
            if options.bookmarks:
                yield [WatchEvent("BOOKMARK", None, watch.revision)]
                continue
        moment = min(end, bookmark_at)
        woken = await bell.wait(moment, moment - now)


def _seen(selection: Selection, changes: list[Change]) -> list[WatchEvent]:
    if selection.everything:
        return [WatchEvent(_type_of(change), change.record, change.revision) for change in changes]
    return [event for change in changes if (event := _seen_through(selection, change)) is not None]


def _type_of(change: Change) -> str:
    if change.deleted:
        return "DELETED"
    return "ADDED" if change.previous is None else "MODIFIED"


def _seen_through(selection: Selection, change: Change) -> WatchEvent | None:
    """A change that brings an object into the selection is ADDED, one that takes it out is DELETED."""
    before = change.previous is not None and selection.matches(change.previous)
    after = not change.deleted and selection.matches(change.record)
    if after:
        return WatchEvent("MODIFIED" if before else "ADDED", change.record, change.revision)
    if not before or change.previous is None:
        return None
    if change.deleted:
        return WatchEvent("DELETED", change.record, change.revision)
    value = stamp(encode(load(change.previous.value)), change.revision)
    gone = Record(change.key, value, change.previous.created, change.revision)
    return WatchEvent("DELETED", gone, change.revision)


def parse_timeout(text: str) -> float | None:
    """The timeoutSeconds parameter. Raises BadRequest."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise bad_request(f'timeoutSeconds: Invalid value: "{text}": must be a non-negative number')
    return float(text) or None
