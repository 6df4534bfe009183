"""Objects that an API server makes again when somebody has deleted them (``kubectl delete all --all``), as upstream's
does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from podo.api.errors import ApiError
from podo.client.cache import Cache, CacheChange
from podo.client.contract import Unreachable
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

log = Logger("podo.standing")

#: How long after a deletion, or an attempt that failed, they are made again (seconds); upstream looks every 10 seconds.
PAUSE_SECONDS = 1.0


class Standing:
    """``ensure`` makes what is missing of the ``kinds``, each in its ``place`` (namespace and name)."""

    def __init__(
        self, ensure: Callable[[], Awaitable[None]], kinds: frozenset[str], place: tuple[str, str], tasks: Tasks
    ) -> None:
        self._ensure = ensure
        self._kinds, self._place = kinds, place
        self._tasks = tasks
        self._missing = self._at_work = False

    def keep(self, cache: Cache) -> None:
        """From now on make again what is deleted."""
        cache.subscribe(self._told)

    def _told(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        if kind in self._kinds and any(change.new is None and change.place == self._place for change in changes):
            self._missing = True
            if not self._at_work:
                self._at_work = True
                self._tasks.spawn(self._make_again(), f"{kind} {self._place[1]}")

    async def _make_again(self) -> None:
        while self._missing:
            await sleep(PAUSE_SECONDS)
            self._missing = False
            try:
                await self._ensure()
            except (ApiError, Unreachable, TimeoutError, OSError) as error:
                log.warning("what every cluster has cannot be made again yet", name=self._place[1], why=str(error))
                self._missing = True
        self._at_work = False
