"""One cache divided among many readers: each is given the objects of one kind that have its key, and their changes.

Thousands of readers in one process share one list and one watch this way; a change costs the one whom it concerns.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api.kind import Obj
from podo.client.cache import Cache, CacheChange, Changes, Objects, Subscriber
from podo.client.index import Place


class Division:
    """``key`` says whose an object is; "" for nobody's. ``start`` it when the cache has started."""

    def __init__(self, cache: Cache, kind: str, key: Callable[[Obj], str]) -> None:
        self._cache = cache
        self._kind = kind
        self._key = key
        self._objects: dict[str, dict[Place, Obj]] = {}
        self._readers: dict[str, list[Subscriber]] = {}
        self.revision = 0

    def start(self) -> Callable[[], None]:
        """Follow the cache. Returns how to end it."""
        return self._cache.subscribe(self._changed)

    def share(self, key: str) -> Share:
        """The part of one reader."""
        return Share(self, key)

    def objects(self, key: str) -> dict[Place, Obj]:
        return self._objects.get(key) or {}

    def add(self, key: str, reader: Subscriber) -> Callable[[], None]:
        """Tell ``reader`` what is there, if the cache has been listed, then every change."""
        if self.revision:
            there = [CacheChange(self._kind, place, None, obj) for place, obj in self.objects(key).items()]
            reader(self._kind, self.revision, there)
        readers = self._readers.setdefault(key, [])
        readers.append(reader)
        return lambda: self._remove(key, reader)

    def _remove(self, key: str, reader: Subscriber) -> None:
        readers = self._readers.get(key, [])
        if reader in readers:
            readers.remove(reader)
        if not readers:
            self._readers.pop(key, None)

    def _changed(self, kind: str, revision: int, changes: Changes) -> None:
        if kind != self._kind:
            return
        first, self.revision = not self.revision, revision
        parts: dict[str, Changes] = {}
        for change in changes:
            for key, part in self._parts(change):
                parts.setdefault(key, []).append(part)
                self._keep(key, part)
        for key in tuple(self._readers) if first else parts:  # the first list, empty or not, is told to everybody
            for reader in tuple(self._readers.get(key, ())):
                reader(kind, revision, parts.get(key, []))

    def _parts(self, change: CacheChange) -> list[tuple[str, CacheChange]]:
        """Whom a change concerns, and what it is for them: an object may go from one to another."""
        old = self._key(change.old) if change.old is not None else ""
        new = self._key(change.new) if change.new is not None else ""
        if old == new:
            return [(old, change)] if old else []
        found = []
        if old:
            found.append((old, CacheChange(change.kind, change.place, change.old, None)))
        if new:
            found.append((new, CacheChange(change.kind, change.place, None, change.new)))
        return found

    def _keep(self, key: str, change: CacheChange) -> None:
        if change.new is not None:
            self._objects.setdefault(key, {})[change.place] = change.new
            return
        objects = self._objects.get(key, {})
        objects.pop(change.place, None)
        if not objects:
            self._objects.pop(key, None)


class Share:
    """One reader's part of a cache, to be used as a cache of its own."""

    def __init__(self, division: Division, key: str) -> None:
        self._division = division
        self._key = key
        self._reader: Subscriber | None = None
        self._end: Callable[[], None] | None = None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Who is told from ``start`` on."""
        self._reader = subscriber

    async def start(self) -> None:
        assert self._reader is not None
        self._end = self._division.add(self._key, self._reader)

    async def stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None

    def list(self, kind: str) -> Objects:
        return list(self._division.objects(self._key).values())
