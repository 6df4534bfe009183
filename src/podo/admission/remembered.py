"""What plug-ins make of all objects of a kind that seldom changes: made anew only when one of them has changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from podo.storage.contract import Store

T = TypeVar("T")


class Remembered(Generic[T]):
    """``make`` is called again when something below ``prefix`` has changed since; what it gives is shared."""

    def __init__(self, prefix: str, make: Callable[[Store], Awaitable[T]]) -> None:
        self._prefix = prefix
        self._make = make
        self._kept: WeakKeyDictionary[Store, tuple[int, T]] = WeakKeyDictionary()

    async def of(self, store: Store) -> T:
        changed = store.changed(self._prefix)
        kept = self._kept.get(store)
        if kept is None or kept[0] != changed:
            kept = self._kept[store] = (changed, await self._make(store))
        return kept[1]
