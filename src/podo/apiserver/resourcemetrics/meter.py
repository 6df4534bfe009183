"""Measures nodes and pods when somebody wants to know: a request for metrics, or an autoscaler.

The objects of metrics.k8s.io live in a store of their own, in memory, so that they are read, selected, printed and
watched like all others; only nobody writes them but the meter. While nobody asks, nothing is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from podo.api import registry
from podo.api.encoding import encode, load, stamp
from podo.api.kind import Obj
from podo.api.kinds.metrics.usage import GROUP, NODEMETRICS, PODMETRICS
from podo.apiserver.backend import Backend
from podo.apiserver.fanout import FanOut
from podo.apiserver.resourcemetrics.readings import Windows, node_metrics, pod_metrics
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep, within
from podo.storage.contract import Page, Record, Store, Watch
from podo.storage.memory import MemoryStore

log = Logger("podo.metrics")

#: How old a measurement may be before it is made anew, and how often autoscalers get one, in seconds.
RESOLUTION = 5.0
#: A rate takes two measurements; the second comes this much after a first.
SECOND_LOOK = 1.1
NODE_SECONDS = 5.0
NODES_AT_ONCE = 16
HISTORY = 10_000

#: From a Node to the Summary of its kubelet. Raises whatever it likes: a node that says nothing has no metrics.
Summaries = Callable[[Obj], Awaitable[Obj]]


class Meter:
    """``start`` it when nodes may be asked: before that, what is read is what there is. ``summaries``: how to ask."""

    def __init__(self, store: Store, clock: Clock, summaries: Summaries) -> None:
        self._store = store
        self._clock = clock
        self._summaries = summaries
        self._windows = Windows()
        self._measured_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._tasks = Tasks("metrics")
        self._started = False
        self.measurements = MeasuringStore(self)

    def serve(self, backend: Backend) -> None:
        """From now on ``backend`` serves metrics.k8s.io."""
        backend.kinds.define(GROUP, (NODEMETRICS, PODMETRICS))
        own = replace(backend, store=self.measurements, fanout=FanOut())
        backend.apart[NODEMETRICS] = backend.apart[PODMETRICS] = own

    def start(self) -> None:
        self._started = True
        self._tasks.spawn(self._follow_autoscalers(), "autoscalers")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def fresh(self) -> None:
        """Return when the measurements are at most RESOLUTION old. Those who come together look together."""
        if not self._started or self._clock.monotonic() - self._measured_at <= RESOLUTION:
            return
        if self._looking is None or self._looking.done():
            self._looking = self._tasks.spawn(self._look(), "look")
        await asyncio.shield(self._looking)

    async def _follow_autoscalers(self) -> None:
        """Measure as long as there is one; without any, wait for the first to come."""
        prefix = registry.named("HorizontalPodAutoscaler").prefix
        changes = self._store.watch(prefix, after=self._store.revision)
        try:
            while True:
                if (await self._store.range(prefix, limit=1)).records:
                    await self.fresh()
                    await sleep(RESOLUTION)
                else:
                    await changes.wait()
                    changes = self._anew(changes, prefix)
        finally:
            changes.close()

    def _anew(self, changes: Watch, prefix: str) -> Watch:
        """That something happened is all that matters, not what: a cursor that fell behind is of no use either."""
        changes.close()
        return self._store.watch(prefix, after=self._store.revision)

    async def _look(self) -> None:
        first = self._measured_at == float("-inf")
        asked = await self._measure()
        if first and asked and not self.measurements.revision:
            await sleep(SECOND_LOOK)
            await self._measure()
        self._measured_at = self._clock.monotonic()

    async def _measure(self) -> int:
        """Ask every node; how many answered."""
        nodes = await self._objects("Node")
        found = await self._summaries_of(nodes)
        pods = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod for pod in await self._objects("Pod")}
        wanted = dict(self._objects_of(found, pods))
        uids = {each["metadata"]["uid"] for each in (*nodes, *pods.values())}
        self._windows.keep(uids)
        await self._publish(wanted)
        return len(found)

    def _objects_of(
        self, found: Iterable[tuple[Obj, Obj]], pods: Mapping[tuple[str, str], Obj]
    ) -> Iterator[tuple[str, bytes]]:
        for node, summary in found:
            if measured := node_metrics(node, summary, self._windows):
                yield NODEMETRICS.key("", node["metadata"]["name"]), encode(measured)
            for each in pod_metrics(pods, summary, self._windows):
                metadata = each["metadata"]
                yield PODMETRICS.key(metadata["namespace"], metadata["name"]), encode(each)

    async def _objects(self, kind: str) -> list[Obj]:
        page = await self._store.range(registry.named(kind).prefix)
        return [load(record.value) for record in page.records]

    async def _summaries_of(self, nodes: list[Obj]) -> list[tuple[Obj, Obj]]:
        gate = asyncio.Semaphore(NODES_AT_ONCE)

        async def ask(node: Obj) -> tuple[Obj, Obj] | None:
            async with gate:
                try:
                    return node, await within(NODE_SECONDS, self._summaries(node))
                except Exception as why:  # its pods have no metrics; all others have
                    log.info("a node does not say what it uses", node=node["metadata"]["name"], why=str(why))
                    return None

        asked = await asyncio.gather(*(ask(node) for node in nodes))
        return [each for each in asked if each is not None]

    async def _publish(self, wanted: Mapping[str, bytes]) -> None:
        store = self.measurements
        there = {record.key: record for record in (await store.all()).records}
        for key in there.keys() - wanted.keys():
            await store.delete(key)
        for key, value in wanted.items():
            if key not in there:
                await store.create(key, value)
            elif there[key].value != stamp(value, there[key].revision):
                await store.update(key, value)


class MeasuringStore(MemoryStore):
    """What reads of metrics.k8s.io read: measured anew first where it is old."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(stamp, history_limit=HISTORY)
        self._meter = meter

    async def get(self, key: str) -> Record | None:
        await self._meter.fresh()
        return await super().get(key)

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        await self._meter.fresh()
        return await super().range(prefix, after=after, limit=limit, revision=revision)

    async def all(self) -> Page:
        """What was last measured."""
        return await super().range("")
