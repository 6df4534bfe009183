"""Read your own writes: which keys have written something that the cache has not seen yet, and must therefore wait."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from podo.api.kind import Obj
from podo.api.meta import is_deleting, uid_of
from podo.client.cache import Cache
from podo.client.index import Place

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Written:
    """What one pass wrote: the revision each kind came to, and deletes whose revision the API did not tell."""

    revisions: dict[str, int] = field(default_factory=dict)
    deleted: list[tuple[str, Place, str]] = field(default_factory=list)  # kind, place, uid

    def note(self, kind: str, revision: int) -> None:
        self.revisions[kind] = max(self.revisions.get(kind, 0), revision)

    def __bool__(self) -> bool:
        return bool(self.revisions or self.deleted)


class OwnWrites(Generic[K]):
    """Writes of kinds that the cache does not follow are not waited for: nothing would ever tell of them."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._unseen: dict[K, Written] = {}
        self._heaps: dict[str, list[tuple[int, int, K]]] = {}  # per kind: revision, serial, key
        self._deleting: dict[str, dict[K, None]] = {}  # per kind, in order
        self._revisions: dict[str, int] = {}
        self._serial = 0

    def __len__(self) -> int:
        """Keys that wait."""
        return len(self._unseen)

    def note(self, key: K, written: Written) -> None:
        """``key`` wrote this. Passes over a key come one after the other, so what it wrote before has been seen."""
        cached = self._cache.kinds
        unseen = Written(
            {
                kind: rev
                for kind, rev in written.revisions.items()
                if kind in cached and self._cache.revision(kind) < rev
            },
            [each for each in written.deleted if each[0] in cached and not self._is_gone(each)],
        )
        if not unseen:
            return
        self._unseen[key] = unseen
        for kind, revision in unseen.revisions.items():
            self._serial += 1
            self._revisions[kind] = self._cache.revision(kind)
            heapq.heappush(self._heaps.setdefault(kind, []), (revision, self._serial, key))
        for kind, _, _ in unseen.deleted:
            self._deleting.setdefault(kind, {})[key] = None

    def is_behind(self, key: K) -> bool:
        """Has the cache yet to see something that ``key`` wrote?"""
        return key in self._unseen

    def seen(self, kind: str, revision: int) -> list[K]:
        """The cache came to ``revision``: the keys that need wait no longer."""
        went_back = revision < self._revisions.get(kind, 0)  # a restored store: what was written is gone
        self._revisions[kind] = revision
        freed: list[K] = []
        heap = self._heaps.get(kind)
        while heap and (heap[0][0] <= revision or went_back):
            needed, _, key = heapq.heappop(heap)
            unseen = self._unseen.get(key)
            if unseen and unseen.revisions.get(kind) == needed:
                del unseen.revisions[kind]
                self._free(key, unseen, freed)
        for key in tuple(self._deleting.get(kind, ())):
            unseen = self._unseen.get(key)
            if unseen:
                unseen.deleted = [each for each in unseen.deleted if each[0] != kind or not self._is_gone(each)]
                if not any(each[0] == kind for each in unseen.deleted):
                    self._deleting[kind].pop(key)
                    self._free(key, unseen, freed)
        return freed

    def _free(self, key: K, unseen: Written, freed: list[K]) -> None:
        if not unseen:
            del self._unseen[key]
            freed.append(key)

    def _is_gone(self, deleted: tuple[str, Place, str]) -> bool:
        kind, place, uid = deleted
        if kind not in self._cache.kinds:
            return True  # a custom kind that is served no more
        obj: Obj | None = self._cache.get(kind, place.name, place.namespace)
        return obj is None or uid_of(obj) != uid or is_deleting(obj)
