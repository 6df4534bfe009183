"""Recording Events: what happened to an object, for people to read (``kubectl describe``).

Telling never blocks and never fails the caller: Events are queued, folded together and written in the background.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.client.contract import Client, Unreachable
from podo.client.correlation import Correlation, Correlator
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep, within
from podo.values import timestamp

log = Logger("podo.events")

#: How many Events may wait to be written; more are dropped.
QUEUE = 1000
#: How many are written at the same time, so that they go with few commits.
AT_ONCE = 64
#: How often a write is tried, and how many seconds lie between.
TRIES, BETWEEN_TRIES = 12, 10.0
#: Longest message of a core/v1 Event.
LONGEST_MESSAGE = 1024


class Recorder(Protocol):
    """Where Events are told. ``obj``: what they are about; ``component``: who tells (``kubelet``); ``host``: where."""

    def tell(
        self,
        obj: Obj,
        reason: str,
        message: str,
        type: str = "Normal",
        *,
        component: str = "",
        host: str = "",
        field_path: str = "",
    ) -> None: ...


class EventRecorder:
    """Writes core/v1 Events through ``client``, or the one of ``clients`` for the component that tells.
    ``component`` and ``host`` hold where ``tell`` is given none."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        chance: Chance,
        *,
        component: str = "podo",
        host: str = "",
        clients: Mapping[str, Client] | None = None,
    ) -> None:
        self._client = client
        self._clients = clients or {}
        self._clock = clock
        self._chance = chance
        self._component = component
        self._host = host
        self._correlator = Correlator()
        self._queue: deque[Correlation] = deque()
        self._arrived = asyncio.Event()
        self._writing = 0
        self._dropped = 0
        self._tasks = Tasks("events")
        self._last_nanos = 0

    @property
    def pending(self) -> int:
        """Events not written yet."""
        return len(self._queue) + self._writing

    def tell(
        self,
        obj: Obj,
        reason: str,
        message: str,
        type: str = "Normal",
        *,
        component: str = "",
        host: str = "",
        field_path: str = "",
    ) -> None:
        """``reason`` happened to ``obj``. ``type``: Normal or Warning. ``field_path``: as ``spec.containers{web}``."""
        event = self._event(obj, reason, message, type, field_path, component or self._component, host or self._host)
        correlation = self._correlator.correlate(event, self._clock.now())
        if correlation is None:
            return
        if len(self._queue) >= QUEUE:
            self._drop(reason, message)
            return
        self._queue.append(correlation)
        self._arrived.set()

    def _drop(self, reason: str, message: str) -> None:
        """The first of a flood is told at once, how many there were when it is over."""
        if not self._dropped:
            log.warning("too many events, some are dropped", reason=reason, text=message)
        self._dropped += 1

    async def start(self) -> None:
        self._tasks.spawn(self._run(), "writer")

    async def stop(self, deadline_seconds: float = 1.0) -> None:
        """Write what is left, within the deadline."""
        try:
            await within(deadline_seconds, self._drain())
        except TimeoutError:
            log.warning("events not written", count=self.pending)
        await self._tasks.stop()

    async def _drain(self) -> None:
        while self.pending and len(self._tasks):
            await sleep(0.001)

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                batch = self._next()
                self._writing = len(batch)
                try:
                    await asyncio.gather(*map(self._write, batch))
                finally:
                    self._writing = 0
            if self._dropped:
                log.warning("events were dropped", count=self._dropped)
                self._dropped = 0

    def _next(self) -> list[Correlation]:
        """The oldest that can be written at the same time: no two of them are about one Event."""
        batch: list[Correlation] = []
        names: set[str] = set()
        while self._queue and len(batch) < AT_ONCE and self._queue[0].event["metadata"]["name"] not in names:
            batch.append(self._queue.popleft())
            names.add(batch[-1].event["metadata"]["name"])
        return batch

    async def _write(self, correlation: Correlation) -> None:
        client = self._clients.get(correlation.event["source"]["component"], self._client)
        for _ in range(TRIES):
            try:
                if correlation.patch is None:
                    await client.create(correlation.event)
                else:
                    metadata = correlation.event["metadata"]
                    await client.patch(
                        "Event", metadata["name"], metadata["namespace"], patch=correlation.patch, type="strategic"
                    )
                return
            except ApiError as error:
                if error.reason == "NotFound" and correlation.patch is not None:  # it expired: begin a new one
                    self._renew(correlation)
                    continue
                if not error.retry or error.reason == "Conflict":
                    self._correlator.forget(correlation)
                    log.debug("event refused", why=error.message)
                    return
            except (Unreachable, TimeoutError, OSError) as error:
                log.debug("event not written, trying again", why=str(error))
            await sleep(self._chance.jitter(BETWEEN_TRIES))
        self._correlator.forget(correlation)

    def _renew(self, correlation: Correlation) -> None:
        event = {**correlation.event, **(correlation.patch or {})}
        involved = event["involvedObject"]
        event["metadata"] = {**event["metadata"], "name": self._name(involved["name"])}
        correlation.event, correlation.patch = event, None

    def _name(self, about: str) -> str:
        """``web.185a3f...``: the object's name and the time in hexadecimal nanoseconds, different for each Event."""
        self._last_nanos = max(self._last_nanos + 1, int(self._clock.now() * 1e9))
        return f"{about}.{self._last_nanos:x}"

    def _event(self, obj: Obj, reason: str, message: str, type: str, field_path: str, component: str, host: str) -> Obj:
        involved: dict[str, Any] = {
            "kind": obj.get("kind", ""),
            "namespace": namespace_of(obj),
            "name": name_of(obj),
            "uid": uid_of(obj),
            "apiVersion": obj.get("apiVersion", ""),
            "resourceVersion": obj["metadata"].get("resourceVersion", ""),
            "fieldPath": field_path,
        }
        now = timestamp.time(self._clock.now())
        namespace = namespace_of(obj) or "default"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self._name(name_of(obj)), "namespace": namespace},
            "involvedObject": {name: value for name, value in involved.items() if value},
            "reason": reason,
            "message": message[:LONGEST_MESSAGE],
            "source": {"component": component, **({"host": host} if host else {})},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        }
