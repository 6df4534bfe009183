"""Watches of just those ConfigMaps, Secrets and trust bundles that volumes of this node's pods are made from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from podo.api.kind import Obj
from podo.api.meta import namespace_of
from podo.client.contract import Client, Event
from podo.client.reflector import Reflector, Source
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.tasks import Tasks


class Reference(NamedTuple):
    """One object by its name; or, without a name, all trust bundles of a signer."""

    kind: str
    namespace: str
    name: str
    signer: str = ""

    @property
    def fields(self) -> str:
        """The field selector of a watch."""
        return f"metadata.name={self.name}" if self.name else f"spec.signerName={self.signer}"


def references(pod: Obj) -> frozenset[Reference]:
    """The objects that the pod's volumes are made from."""
    namespace = namespace_of(pod)
    found = (part for volume in pod["spec"].get("volumes") or () for part in _parts(volume))
    named = frozenset(Reference(kind, namespace, name) for kind, name in found if name)
    return named | frozenset(reference for volume in pod["spec"].get("volumes") or () for reference in _trusted(volume))


def _parts(volume: Obj) -> Iterator[tuple[str, str]]:
    for source in [volume, *((volume.get("projected") or {}).get("sources") or ())]:
        if config_map := source.get("configMap"):
            yield "ConfigMap", config_map.get("name") or ""
        if secret := source.get("secret"):
            yield "Secret", secret.get("secretName") or secret.get("name") or ""


def _trusted(volume: Obj) -> Iterator[Reference]:
    for source in (volume.get("projected") or {}).get("sources") or ():
        if bundle := source.get("clusterTrustBundle"):
            yield Reference("ClusterTrustBundle", "", bundle.get("name") or "", bundle.get("signerName") or "")


class _Told:
    """A reflector's sink that keeps nothing but how far it has come."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._revision = 0

    def replace(self, kind: str, items: list[Obj], revision: int) -> None:
        self._revision = revision
        self._tell()

    def apply(self, kind: str, events: Sequence[Event]) -> None:
        for event in events:
            self._revision = int(event.object["metadata"]["resourceVersion"])
        if any(event.type != "BOOKMARK" for event in events):
            self._tell()

    def revision(self, kind: str) -> int:
        return self._revision


class SourceWatches:
    """``on_change`` is told what was listed or changed. One watch an object, however many pods refer to it."""

    def __init__(self, client: Client, clock: Clock, chance: Chance, on_change: Callable[[Reference], None]) -> None:
        self._client = client
        self._clock = clock
        self._chance = chance
        self._on_change = on_change
        self._tasks = Tasks("source-watches")
        self._running: dict[Reference, asyncio.Task[None]] = {}

    def keep(self, wanted: Iterable[Reference]) -> None:
        """Watch these and no others."""
        asked = set(wanted)
        for reference in self._running.keys() - asked:
            self._running.pop(reference).cancel()
        for reference in asked - self._running.keys():
            self._running[reference] = self._tasks.spawn(self._watch(reference), "/".join(reference))

    async def _watch(self, reference: Reference) -> None:
        source = Source(reference.kind, reference.namespace, fields=reference.fields)
        told = _Told(lambda: self._on_change(reference))
        await Reflector(self._client, source, told, self._clock, self._chance).run()

    async def stop(self) -> None:
        await self._tasks.stop()
