"""The devices that drivers offer: ResourceSlices put together to pools, and which of them a node can reach.

A pool is what the slices of its newest generation say; it is incomplete until there are as many as these promise, and
invalid where two devices have one name. Source: API reference ResourcePool and ResourceSliceSpec.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.api.parts.nodeselector import term_allows
from podo.cel.library.quantities import QuantityValue
from podo.values import quantity

#: (driver, pool)
PoolKey = tuple[str, str]
#: (driver, pool, device)
DeviceId = tuple[str, str, str]
#: (counter set, counter) -> billionths
Counters = Mapping[tuple[str, str], int]


class _Domains(dict[str, Any]):
    """Attributes or capacities by domain: one that no driver has named is empty."""

    def __missing__(self, domain: str) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, eq=False)
class Device:
    """``place``: what of slice or device says which nodes reach it (nodeName, nodeSelector, allNodes). ``matched``:
    what selectors have said of it, or why they could not."""

    id: DeviceId
    spec: Obj
    place: Obj
    matched: dict[str, bool | str] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        """May several claims have it at once, each a part of its capacity?"""
        return bool(self.spec.get("allowMultipleAllocations"))

    @cached_property
    def counters(self) -> Counters:
        """What it takes of the pool's counters."""
        return {
            (each["counterSet"], name): nano(counter["value"])
            for each in self.spec.get("consumesCounters") or ()
            for name, counter in (each.get("counters") or {}).items()
        }

    def attribute(self, name: str) -> Any:
        """The value of a fully qualified attribute, with its type; None where it has none. A name without a domain is
        of the driver's own."""
        attributes = self.spec.get("attributes") or {}
        domain, _, plain = name.rpartition("/")
        found = attributes.get(name) or (attributes.get(plain) if domain == self.id[0] else None)
        return next(((kind, value) for kind, value in (found or {}).items() if value is not None), None)

    @cached_property
    def seen(self) -> dict[str, Any]:
        """The variable ``device`` of a selector."""
        driver = self.id[0]
        attributes, capacity = _Domains(), _Domains()
        for name, value in (self.spec.get("attributes") or {}).items():
            domain, _, plain = name.rpartition("/")
            attributes.setdefault(domain or driver, {})[plain] = _attribute(value)
        for name, value in (self.spec.get("capacity") or {}).items():
            domain, _, plain = name.rpartition("/")
            capacity.setdefault(domain or driver, {})[plain] = QuantityValue(quantity.parse(str(value["value"])))
        return {
            "driver": driver,
            "attributes": attributes,
            "capacity": capacity,
            "allowMultipleAllocations": self.shared,
        }

    def reaches(self, node_name: str, labels: Mapping[str, str]) -> bool:
        """Can pods of the node have it?"""
        if self.place.get("nodeName"):
            return bool(self.place["nodeName"] == node_name)
        if selector := self.place.get("nodeSelector"):
            return any(term_allows(term, labels, node_name) for term in selector.get("nodeSelectorTerms") or ())
        return bool(self.place.get("allNodes"))


def _attribute(value: Mapping[str, Any]) -> Any:
    kind, found = next(((k, v) for k, v in value.items() if v is not None), ("", ""))
    if kind == "version":
        from podo.cel.library.semvers import parse

        return parse(found)
    if kind == "versions":
        from podo.cel.library.semvers import parse

        return [parse(each) for each in found]
    return found


def nano(text: object) -> int:
    """A quantity in billionths."""
    return quantity.parse(str(text)).nano


@dataclass(frozen=True, eq=False)
class Pool:
    key: PoolKey
    devices: tuple[Device, ...]
    counters: Counters
    incomplete: bool
    invalid: bool
    #: The only nodes that reach any of it; None: it must be asked of each device.
    nodes: frozenset[str] | None

    @property
    def title(self) -> str:
        return "/".join(self.key)

    @cached_property
    def alike(self) -> tuple[tuple[Device, ...], ...]:
        """Its devices in their order, those in a row together that the same nodes reach."""
        return tuple(tuple(devices) for _, devices in groupby(self.devices, lambda device: id(device.place)))

    @cached_property
    def selectors(self) -> tuple[Obj, ...]:
        found = (devices[0].place.get("nodeSelector") for devices in self.alike)
        return tuple(selector for selector in found if selector)

    @cached_property
    def binds_late(self) -> bool:
        """Does a device of it need time after allocation?"""
        return any(device.spec.get("bindingConditions") for device in self.devices)


@dataclass(slots=True)
class Pools:
    """All pools; ``of_node`` are those that count for a node, in the order in which they are tried."""

    _slices: dict[str, Obj] = field(default_factory=dict)
    _names: dict[PoolKey, set[str]] = field(default_factory=dict)  # pool -> names of slices
    _pools: dict[PoolKey, Pool] = field(default_factory=dict)
    _of_node: dict[str, set[PoolKey]] = field(default_factory=dict)  # pools that only some nodes reach
    _wide: set[PoolKey] = field(default_factory=set)
    #: Grows with every change.
    version: int = 0

    def put(self, name: str, piece: Obj | None) -> tuple[set[str], bool]:
        """A slice came, changed or (None) went: the nodes that it concerns; True where it is all."""
        self.version += 1
        keys = {pool_key(each) for each in (self._slices.pop(name, None), piece) if each is not None}
        for key in keys:
            self._names.setdefault(key, set()).discard(name)
        if piece is not None:
            self._slices[name] = piece
            self._names[pool_key(piece)].add(name)
        return self._made_anew(keys)

    def _made_anew(self, keys: Iterable[PoolKey]) -> tuple[set[str], bool]:
        found = [pool for key in keys for pool in (self._forget(key), self._make(key)) if pool is not None]
        nodes = {name for pool in found for name in pool.nodes or ()}
        return nodes, any(pool.nodes is None for pool in found)

    def _forget(self, key: PoolKey) -> Pool | None:
        pool = self._pools.pop(key, None)
        self._wide.discard(key)
        for name in (pool.nodes or ()) if pool is not None else ():
            there = self._of_node[name]
            there.discard(key)
            if not there:
                del self._of_node[name]
        return pool

    def _make(self, key: PoolKey) -> Pool | None:
        names = self._names.get(key)
        if not names:
            self._names.pop(key, None)
            return None
        pool = self._pools[key] = assembled(key, [self._slices[name] for name in sorted(names)])
        if pool.nodes is None:
            self._wide.add(key)
        for name in pool.nodes or ():
            self._of_node.setdefault(name, set()).add(key)
        return pool

    def get(self, key: PoolKey) -> Pool | None:
        return self._pools.get(key)

    def all(self) -> Iterator[Pool]:
        for key in sorted(self._pools):
            yield self._pools[key]

    def device(self, device: DeviceId) -> Device | None:
        pool = self._pools.get(device[:2])
        return next((each for each in pool.devices if each.id == device), None) if pool else None

    def selectors(self) -> dict[str, Obj]:
        """The node selectors of pools that many nodes may reach, each once, by its text."""
        return {
            json.dumps(selector, sort_keys=True): selector
            for key in self._wide
            for selector in self._pools[key].selectors
        }

    def set_apart(self) -> set[str]:
        """Names of nodes that have devices which no other has."""
        named = (devices[0].place.get("nodeName") for key in self._wide for devices in self._pools[key].alike)
        return self._of_node.keys() | {name for name in named if name}

    def of_node(self, node_name: str) -> list[Pool]:
        """Pools that a node may reach; those whose devices need time after allocation last."""
        keys = self._wide | self._of_node.get(node_name, set())
        return sorted((self._pools[key] for key in keys), key=lambda pool: (pool.binds_late, pool.key))


def pool_key(piece: Obj) -> PoolKey:
    spec = piece["spec"]
    return str(spec["driver"]), str(spec["pool"]["name"])


def assembled(key: PoolKey, pieces: Iterable[Obj]) -> Pool:
    """The pool that slices make: only those of the newest generation count."""
    ordered = sorted(pieces, key=name_of)
    newest = max(_generation(piece) for piece in ordered)
    current = [piece for piece in ordered if _generation(piece) == newest]
    devices = tuple(_devices(key, current))
    names = [device.id for device in devices]
    wanted = int(current[0]["spec"]["pool"].get("resourceSliceCount") or 1)
    nodes = {device.place.get("nodeName") or "" for device in devices}
    nodes |= {piece["spec"]["nodeName"] for piece in current if piece["spec"].get("nodeName")}
    counters = {
        (each["name"], name): nano(counter["value"])
        for piece in current
        for each in piece["spec"].get("sharedCounters") or ()
        for name, counter in (each.get("counters") or {}).items()
    }
    reach = None if "" in nodes or not nodes else frozenset(nodes)
    return Pool(key, devices, counters, len(current) != wanted, len(set(names)) < len(names), reach)


def _generation(piece: Obj) -> int:
    return int(piece["spec"]["pool"].get("generation") or 0)


def _devices(key: PoolKey, pieces: Iterable[Obj]) -> Iterator[Device]:
    for piece in pieces:
        spec = piece["spec"]
        for each in spec.get("devices") or ():
            yield Device((*key, each["name"]), each, each if spec.get("perDeviceNodeSelection") else spec)
