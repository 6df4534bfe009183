"""Watches of a store: cursors into one shared log for each watched prefix. A change touches only the logs whose
prefix it is under."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from operator import attrgetter

from podo.storage.contract import Change, Compacted

_revision_of = attrgetter("revision")


class Channel:
    """What happened under one prefix, and the watches that read it. Positions count from the channel's beginning."""

    def __init__(self, prefix: str, after: int) -> None:
        self.prefix = prefix
        #: It knows what comes after this revision.
        self.after = after
        self.cursors: dict[Cursor, None] = {}  # a set that keeps its order, so that a run can be replayed
        self._changes: list[Change] = []
        self._gone = 0  # how many were forgotten: the position of self._changes[0]
        self._idle: dict[Cursor, None] = {}  # they have taken everything and want to be woken

    @property
    def begin(self) -> int:
        return self._gone

    @property
    def end(self) -> int:
        return self._gone + len(self._changes)

    def add(self, change: Change) -> None:
        self._changes.append(change)

    def reach_back(self, after: int, history: Sequence[Change]) -> None:
        """Know what came after the earlier revision ``after`` too, by the ``history``."""
        start, end = (bisect_right(history, one, key=_revision_of) for one in (after, self.after))
        missing = [one for one in history[start:end] if one.key.startswith(self.prefix)]
        self._changes[:0] = missing
        self._gone -= len(missing)
        self.after = after

    def since(self, position: int) -> list[Change] | None:
        """The changes from ``position`` on; None if some of them are forgotten."""
        return None if position < self._gone else self._changes[position - self._gone :]

    def first_from(self, position: int) -> Change | None:
        """The change at ``position``, which is not forgotten; None if it has yet to come."""
        at = position - self._gone
        return self._changes[at] if at < len(self._changes) else None

    def position_after(self, revision: int) -> int:
        return self._gone + bisect_right(self._changes, revision, key=_revision_of)

    def forget(self, revision: int) -> None:
        """Drop the changes up to and including ``revision``."""
        gone = bisect_right(self._changes, revision, key=_revision_of)
        del self._changes[:gone]
        self._gone += gone

    def idle(self, cursor: Cursor) -> None:
        self._idle[cursor] = None

    def leave(self, cursor: Cursor) -> None:
        self.cursors.pop(cursor, None)
        self._idle.pop(cursor, None)

    def wake(self) -> None:
        waiting, self._idle = self._idle, {}
        for cursor in waiting:
            cursor.wake()


class Cursor:
    """A ``contract.Watch``."""

    def __init__(self, channels: Channels, channel: Channel, position: int, after: int) -> None:
        self._channels = channels
        self._channel = channel
        self._position = position
        self._taken = after  # the revision of the last change that was taken
        self._wake: Callable[[], None] | None = None
        self._arrived: asyncio.Future[None] | None = None
        self._armed = False
        self._closed = False

    @property
    def revision(self) -> int:
        if self._position < self._channel.begin:  # nothing is left for it but to be told so
            return self._taken
        pending = self._channel.first_from(self._position)
        return pending.revision - 1 if pending else self._channels.revision()

    def take(self) -> list[Change]:
        if self._closed:
            return []
        changes = self._channel.since(self._position)
        if changes is None:
            raise Compacted(self._channels.oldest())
        if changes:
            self._position += len(changes)
            self._taken = changes[-1].revision
        self._arm()
        return changes

    async def wait(self) -> None:
        if self._closed or self._position < self._channel.end:
            return
        if self._arrived is None or self._arrived.done():
            self._arrived = asyncio.get_running_loop().create_future()
        self._arm()
        await asyncio.shield(self._arrived)

    def on_change(self, wake: Callable[[], None]) -> None:
        """As the contract says; what waits already counts as arrived: ``wake`` is then called at once."""
        self._wake = wake
        if self._position < self._channel.end:
            wake()
        else:
            self._arm()

    async def __aiter__(self) -> AsyncIterator[list[Change]]:
        while not self._closed:
            if changes := self.take():
                yield changes
            else:
                await self.wait()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._channels.leave(self._channel, self)
            self._ring()
            self._wake = None

    def end(self) -> None:
        """Close because the store closes: whoever waits is told."""
        wake = self._wake
        self.close()
        if wake is not None:
            wake()

    def wake(self) -> None:
        """Called by the channel, once after each ``_arm``."""
        self._armed = False
        if self._wake is not None:
            self._wake()
        self._ring()

    def _ring(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self._channel.idle(self)


class Channels:
    """The watched prefixes of one store."""

    def __init__(self, revision: Callable[[], int], oldest: Callable[[], int]) -> None:
        self.revision = revision
        self.oldest = oldest
        self._folders: dict[str, dict[str, Channel]] = {}  # the prefix up to its last "/" -> the prefix -> its channel

    def __len__(self) -> int:
        """How many watches there are."""
        return sum(len(channel.cursors) for channel in self._all())

    def open(self, prefix: str, after: int, history: Sequence[Change]) -> Cursor:
        """A watch of what comes after the revision ``after``; ``history`` is everything after the oldest readable
        revision."""
        folder = self._folders.setdefault(_folder(prefix), {})
        channel = folder.get(prefix)
        if channel is None:
            channel = folder[prefix] = Channel(prefix, self.revision())
        if after < channel.after:
            channel.reach_back(after, history)
        cursor = Cursor(self, channel, channel.position_after(after), after)
        channel.cursors[cursor] = None
        return cursor

    def leave(self, channel: Channel, cursor: Cursor) -> None:
        channel.leave(cursor)
        if not channel.cursors:
            folder = self._folders[_folder(channel.prefix)]
            del folder[channel.prefix]
            if not folder:
                del self._folders[_folder(channel.prefix)]

    def publish(self, changes: Sequence[Change]) -> None:
        """Hand the changes out, then wake each watch that waits, once."""
        if not self._folders:
            return
        touched: dict[str, Channel] = {}
        for change in changes:
            for channel in self._over(change.key):
                channel.add(change)
                touched[channel.prefix] = channel
        for channel in touched.values():
            channel.wake()

    def forget(self, revision: int) -> None:
        for channel in self._all():
            channel.forget(revision)

    def close(self) -> None:
        for channel in self._all():
            for cursor in list(channel.cursors):
                cursor.end()

    def _all(self) -> list[Channel]:
        return [channel for folder in self._folders.values() for channel in folder.values()]

    def _over(self, key: str) -> Iterator[Channel]:
        """The channels whose prefix ``key`` starts with: each is in a folder on the key's path."""
        end = 0
        while True:
            if folder := self._folders.get(key[:end]):
                for prefix, channel in folder.items():
                    if key.startswith(prefix):
                        yield channel
            end = key.find("/", end) + 1
            if end == 0:
                return


def _folder(prefix: str) -> str:
    return prefix[: prefix.rfind("/") + 1]
