"""The reading half of a store that keeps a ledger in this process."""

from __future__ import annotations

from dataclasses import dataclass

from podo.storage.contract import Page, Record, Watch
from podo.storage.ledger import Ledger


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store can tell of itself and its work."""

    revision: int
    oldest: int
    watches: int
    commits: int = 0  # transactions; 0 where writes are not grouped
    writes: int = 0


class LedgerReads:
    """``get``, ``range``, ``watch``, ``count`` and ``changed`` of the Store contract, for values that have one form."""

    _ledger: Ledger

    @property
    def failure(self) -> str:
        return ""

    @property
    def revision(self) -> int:
        return self._ledger.revision

    @property
    def oldest(self) -> int:
        return self._ledger.oldest

    @property
    def stats(self) -> StoreStats:
        ledger = self._ledger
        return StoreStats(ledger.revision, ledger.oldest, ledger.watches)

    async def get(self, key: str) -> Record | None:
        return self._ledger.get(key)

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        return self._ledger.page(prefix, after=after, limit=limit, revision=revision)

    async def is_outdated(self, key: str) -> bool:
        return False

    def watch(self, prefix: str, *, after: int = 0) -> Watch:
        return self._ledger.watch(prefix, after=after)

    def count(self, prefix: str) -> int:
        return self._ledger.count(prefix)

    def changed(self, prefix: str) -> int:
        return self._ledger.changed(prefix)
