"""From the store to watches: one cursor for each range, changes looked at once, and each event handed to the watches
that select it, at the end of the loop turn in which it was committed.

Watches with the same selection are one audience and share its batches. An audience that pins a field
(``spec.nodeName=n1``) is found by the value, so that a change costs what its few readers cost, not what all do.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from podo.api.encoding import encode, load, stamp
from podo.api.kind import Kind
from podo.apiserver.glance import Glance
from podo.apiserver.selection import Selection
from podo.storage.contract import Change, Compacted, Record, Store

#: Objects whose labels and fields are remembered, for when they are the previous state of a change.
REMEMBERED = 4096


class WatchEvent(msgspec.Struct, frozen=True):
    """``type``: ADDED, MODIFIED, DELETED or BOOKMARK (has no record). ``initial_end``: no initial events follow.
    ``previous``: what was before, where that is wanted (``Selection.is_raw``)."""

    type: str
    record: Record | None
    revision: int
    initial_end: bool = False
    previous: Record | None = None


class Batch:
    """Events that one audience gets together. ``line`` keeps their encoded form for the next watch that wants it."""

    __slots__ = ("events", "lines")

    def __init__(self, events: list[WatchEvent]) -> None:
        self.events = events
        self.lines: dict[str, bytes] = {}

    @property
    def revision(self) -> int:
        return self.events[-1].revision

    def line(self, form: str, make: Callable[[WatchEvent], bytes]) -> bytes:
        """The events in a form of that name, made by ``make`` if no watch has wanted it yet (then ``lines`` has it)."""
        found = self.lines.get(form)
        if found is None:
            events = self.events
            found = make(events[0]) if len(events) == 1 else b"".join([make(event) for event in events])
            self.lines[form] = found
        return found


class Outlet(Protocol):
    """Where the events of a watch leave. Nothing stands between the fan-out and what frames and sends."""

    __slots__ = ()

    def put(self, batch: Batch) -> bool:
        """Send a batch; False when no more can be taken."""

    @property
    def lane(self) -> object:
        """Outlets with an equal one leave together: a batch is given to all by ``put_each`` of any of them."""
        return self

    def put_each(self, outlets: Sequence[Any], batch: Batch) -> Sequence[Any]:
        """``put`` to each of ``outlets``; those that can take no more."""
        return [one for one in outlets if not one.put(batch)]


class Sink(Protocol):
    """A watch as the fan-out sees it."""

    @property
    def outlet(self) -> Outlet: ...

    def full(self, batch: Batch) -> None:
        """The outlet has taken the batch, and can take no more."""

    def lost(self) -> None:
        """The history has run away from under the range: what comes next is not known."""

    def over(self) -> None:
        """The store has closed."""


class Seen:
    """A change with what is known of the object before and after it."""

    __slots__ = ("after", "before", "change")

    def __init__(self, change: Change, before: Glance | None, after: Glance | None) -> None:
        self.change = change
        self.before = before
        self.after = after

    def through(self, selection: Selection) -> WatchEvent | None:
        """A change that brings an object into the selection is ADDED, one that takes it out is DELETED."""
        change, before, after = self.change, self.before, self.after
        if selection.everything:
            kind = "DELETED" if after is None else "ADDED" if before is None else "MODIFIED"
            if selection.is_raw:
                return WatchEvent(kind, change.record, change.revision, previous=change.previous)
            return WatchEvent(kind, change.record, change.revision)
        was = before is not None and before.within(selection)
        if after is not None and after.within(selection):
            return WatchEvent("MODIFIED" if was else "ADDED", change.record, change.revision)
        if not was or before is None:
            return None
        if change.deleted:
            return WatchEvent("DELETED", change.record, change.revision)
        value = stamp(encode(load(before.record.value)), change.revision)
        gone = Record(change.key, value, before.record.created, change.revision)
        return WatchEvent("DELETED", gone, change.revision)


class Audience:
    """The watches of one selection. ``lanes``: those that leave together, by their outlets."""

    __slots__ = ("lanes", "pin", "selection")

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.lanes: dict[object, dict[Outlet, Sink]] = {}
        self.pin = next((one for one in selection.fields if one.equal), None)

    def put(self, batch: Batch) -> None:
        for lane in list(self.lanes.values()):
            for outlet in next(iter(lane)).put_each(list(lane), batch):
                lane[outlet].full(batch)

    def add(self, sink: Sink) -> None:
        self.lanes.setdefault(sink.outlet.lane, {})[sink.outlet] = sink

    def remove(self, sink: Sink) -> None:
        lane = self.lanes.get(sink.outlet.lane, {})
        lane.pop(sink.outlet, None)
        if not lane:
            self.lanes.pop(sink.outlet.lane, None)


class Range:
    """The watches below one prefix of the store."""

    def __init__(self, store: Store, kind: Kind, prefix: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.kind = kind
        self._watch = store.watch(prefix)
        self._audiences: dict[object, Audience] = {}
        self._open: dict[Audience, None] = {}  # those without a pin
        self._pinned: dict[str, dict[str, dict[Audience, None]]] = {}  # field -> value -> audiences
        self._glances: OrderedDict[int, Glance] = OrderedDict()
        self._soon: asyncio.Handle | None = None
        self._watch.on_change(self._rung)

    @property
    def revision(self) -> int:
        """Up to here everybody has what concerns them."""
        return self._watch.revision

    @property
    def empty(self) -> bool:
        return not self._audiences

    @property
    def watchers(self) -> int:
        return len(self._sinks())

    def close(self) -> None:
        self._watch.close()
        if self._soon:
            self._soon.cancel()

    def join(self, sink: Sink, selection: Selection) -> Audience:
        """From now on ``sink`` gets what is selected; what was committed until now is delivered to the others."""
        self.pump()
        key = (selection.labels, selection.fields)
        audience = self._audiences.get(key)
        if audience is None:
            audience = self._audiences[key] = Audience(selection)
            self._place(audience)[audience] = None
        audience.add(sink)
        return audience

    def _place(self, audience: Audience) -> dict[Audience, None]:
        pin = audience.pin
        return self._open if pin is None else self._pinned.setdefault(pin.field, {}).setdefault(pin.value, {})

    def leave(self, sink: Sink, audience: Audience) -> None:
        audience.remove(sink)
        key = (audience.selection.labels, audience.selection.fields)
        if audience.lanes or self._audiences.get(key) is not audience:
            return
        del self._audiences[key]
        place = self._place(audience)
        place.pop(audience, None)
        if audience.pin is not None and not place:
            values = self._pinned[audience.pin.field]
            del values[audience.pin.value]
            if not values:
                del self._pinned[audience.pin.field]

    def _rung(self) -> None:
        if self._soon is None:
            self._soon = self._loop.call_soon(self._came)

    def _came(self) -> None:
        if not self.pump():
            self.end()  # rung without a change: the store has closed

    def end(self) -> None:
        for sink in self._sinks():
            sink.over()

    def pump(self) -> bool:
        """Deliver what was committed; False if nothing was."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        try:
            changes = self._watch.take()
        except Compacted:
            for sink in self._sinks():
                sink.lost()
            return True
        due: dict[Audience, list[WatchEvent]] = {}
        for change in changes:
            seen = self._see(change)
            for audience in self._concerned(seen):
                if event := seen.through(audience.selection):
                    due.setdefault(audience, []).append(event)
        for audience, events in due.items():
            audience.put(Batch(events))
        return bool(changes)

    def _sinks(self) -> list[Sink]:
        lanes = [lane for audience in self._audiences.values() for lane in audience.lanes.values()]
        return [sink for lane in lanes for sink in lane.values()]

    def _see(self, change: Change) -> Seen:
        before = None
        if change.previous is not None:
            before = self._glances.pop(change.previous.revision, None) or Glance(self.kind, change.previous)
        if change.deleted:
            return Seen(change, before, None)
        after = self._glances[change.revision] = Glance(self.kind, change.record)
        if len(self._glances) > REMEMBERED:
            self._glances.popitem(last=False)
        return Seen(change, before, after)

    def _concerned(self, seen: Seen) -> Iterator[Audience]:
        yield from self._open
        for field, values in self._pinned.items():
            after = seen.after.field(field) if seen.after else None
            before = seen.before.field(field) if seen.before else None
            if after is not None and after in values:
                yield from values[after]
            if before is not None and before != after and before in values:
                yield from values[before]


class FanOut:
    """The ranges that are watched on one store."""

    def __init__(self) -> None:
        self._ranges: dict[tuple[str, str, str, str], Range] = {}

    def range(self, store: Store, kind: Kind, prefix: str) -> Range:
        key = (kind.group, kind.version, kind.kind, prefix)
        found = self._ranges.get(key)
        if found is None:
            found = self._ranges[key] = Range(store, kind, prefix)
        return found

    def watchers(self) -> dict[tuple[str, str, str], float]:
        """How many watches there are, by group, version and kind."""
        found: dict[tuple[str, str, str], float] = {}
        for each in self._ranges.values():
            key = (each.kind.group, each.kind.version, each.kind.kind)
            found[key] = found.get(key, 0) + each.watchers
        return found

    def release(self, kind: Kind, prefix: str) -> None:
        """Forget the range if nobody is left in it."""
        key = (kind.group, kind.version, kind.kind, prefix)
        found = self._ranges.get(key)
        if found is not None and found.empty:
            del self._ranges[key]
            found.close()

    def end(self, kind: Kind) -> None:
        """The kind is no longer served as it was: its watches end."""
        for key, found in list(self._ranges.items()):
            if key[:3] == (kind.group, kind.version, kind.kind):
                del self._ranges[key]
                found.end()
