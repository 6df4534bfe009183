"""Which EndpointSlices belong to which Service, kept as the cache changes."""

from __future__ import annotations

from typing import NamedTuple

from podo.api.kind import Obj
from podo.client.cache import CacheChange

SERVICE_LABEL = "kubernetes.io/service-name"


class ServiceName(NamedTuple):
    namespace: str
    name: str


class SlicesByService:
    def __init__(self) -> None:
        self._slices: dict[ServiceName, dict[str, Obj]] = {}

    def note(self, change: CacheChange) -> set[ServiceName]:
        """Take in a change of an EndpointSlice; the Services that it concerns."""
        old, new = _service_of(change.old), _service_of(change.new)
        if old is not None and (there := self._slices.get(old)):
            there.pop(change.place.name, None)
            if not there:
                del self._slices[old]
        if new is not None and change.new is not None:
            self._slices.setdefault(new, {})[change.place.name] = change.new
        return {service for service in (old, new) if service is not None}

    def of(self, service: ServiceName) -> list[Obj]:
        """The Service's slices, by name."""
        there = self._slices.get(service, {})
        return [there[name] for name in sorted(there)]


def _service_of(piece: Obj | None) -> ServiceName | None:
    if piece is None:
        return None
    service = (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL)
    return ServiceName(piece["metadata"]["namespace"], service) if service else None
