"""When a pod that goes gets no new connections through Services any more: its slices say so, and this node's rules
follow them.

A node asks before it sends SIGTERM, so that a rolling update loses no request though its pods have no preStop hook.
Other nodes cannot be asked; they are given a moment, since the same change reaches all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from podo.api.kind import Obj
from podo.api.meta import namespace_of, uid_of
from podo.client.cache import Cache, CacheChange
from podo.runtime.tasks import sleep

#: How much later than this node another one may follow the same change.
OTHER_NODES_SECONDS = 0.25


class Withdrawal:
    """``settled`` returns when this node's rules are as ``cache`` wants them (``ServiceProxy.settled``)."""

    def __init__(self, cache: Cache, settled: Callable[[], Awaitable[None]]) -> None:
        self._cache = cache
        self._settled = settled
        self._changed = asyncio.Event()
        self._unsubscribe = lambda: None

    def start(self) -> None:
        """The proxy must have been started: it is told of changes first."""
        self._unsubscribe = self._cache.subscribe(self._note)

    def stop(self) -> None:
        self._unsubscribe()

    async def of(self, pod: Obj) -> None:
        """Return when no Service sends new connections to the pod. Has no deadline of its own."""
        if not self._is_offered(pod) and not self._is_named(pod):
            return
        while self._is_offered(pod):
            self._changed.clear()
            await self._changed.wait()
        await self._settled()
        if len(self._cache.list("Node")) > 1:
            await sleep(OTHER_NODES_SECONDS)

    def _note(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        if kind == "EndpointSlice":
            self._changed.set()

    def _is_offered(self, pod: Obj) -> bool:
        return any(_takes_traffic(endpoint) for endpoint in self._endpoints(pod))

    def _is_named(self, pod: Obj) -> bool:
        return any(True for _ in self._endpoints(pod))

    def _endpoints(self, pod: Obj) -> Iterable[Obj]:
        uid = uid_of(pod)
        for piece in self._cache.list("EndpointSlice", namespace_of(pod)):
            for endpoint in piece.get("endpoints") or ():
                if (endpoint.get("targetRef") or {}).get("uid") == uid:
                    yield endpoint


def _takes_traffic(endpoint: Obj) -> bool:
    """An endpoint of a Service that publishes what is not ready stays ready: that it ends is what counts."""
    conditions = endpoint.get("conditions") or {}
    return conditions.get("ready") is not False and not conditions.get("terminating")
