"""The devices as the scheduler sees them: pools, classes, taint rules, claims, and what was promised to claims but is
not in the API yet.

Changes are noted by node, so that verdicts about nodes can be kept where nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import revision_of
from podo.api.parts.tolerations import tolerates
from podo.scheduler.changelog import Changelog
from podo.scheduler.devices.allocator import Offer
from podo.scheduler.devices.asking import Ask, ClaimKey
from podo.scheduler.devices.extended import classes_by_resource
from podo.scheduler.devices.pools import Device, DeviceId, Pools
from podo.scheduler.devices.usage import Usage, held_by

#: Kinds that say which devices there are and how they may be had.
KINDS = ("DeviceClass", "ResourceSlice", "DeviceTaintRule")
#: Effects of taints that keep claims away.
_HARD = frozenset({"NoSchedule", "NoExecute"})


@dataclass(slots=True)
class Devices:
    """``extended``: by resource the class that stands for it. ``epoch`` grows when something changed that concerns all
    nodes."""

    pools: Pools = field(default_factory=Pools)
    classes: dict[str, Obj] = field(default_factory=dict)
    extended: dict[str, str] = field(default_factory=dict)
    claims: dict[ClaimKey, Obj] = field(default_factory=dict)
    promises: dict[ClaimKey, Obj] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    epoch: int = 0
    #: Of claims that were promised devices, the revision at which they were written.
    _revisions: dict[ClaimKey, int] = field(default_factory=dict)
    _rules: dict[str, Obj] = field(default_factory=dict)
    #: Nodes for which something changed.
    changes: Changelog[str] = field(default_factory=Changelog)

    # What comes from the API

    def set(self, kind: str, name: str, obj: Obj | None) -> bool:
        """A class, slice or taint rule came, changed or (None) went; True where other extended resources than before
        mean devices."""
        if kind == "ResourceSlice":
            nodes, everywhere = self.pools.put(name, obj)
            self._note(nodes, everywhere)
            return False
        known = self.classes if kind == "DeviceClass" else self._rules
        known.pop(name, None)
        if obj is not None:
            known[name] = obj
        self.epoch += 1
        before = self.extended
        if kind == "DeviceClass":
            self.extended = classes_by_resource(self.classes)
        return self.extended != before

    def set_claim(self, key: ClaimKey, claim: Obj | None) -> bool:
        """A claim came, changed or (None) went; True where devices became free."""
        before = self.allocation(key)
        if claim is None:
            self.claims.pop(key, None)
        else:
            self.claims[key] = claim
        if claim is None or _written(claim) or self._is_past(key):
            self._kept(key)
        return self._recount(before, self.allocation(key))

    def _is_past(self, key: ClaimKey) -> bool:
        """Is what is known of the claim as new as what was written of it?"""
        written, claim = self._revisions.get(key), self.claims.get(key)
        return written is not None and claim is not None and revision_of(claim) >= written

    def _kept(self, key: ClaimKey) -> None:
        self.promises.pop(key, None)
        self._revisions.pop(key, None)

    # Who has what

    def allocation(self, key: ClaimKey) -> Obj | None:
        """What a claim has, or has been promised."""
        claim = self.claims.get(key)
        found: Obj | None = (_written(claim) if claim is not None else None) or self.promises.get(key)
        return found

    def promise(self, key: ClaimKey, allocation: Obj) -> None:
        before = self.allocation(key)
        self.promises[key] = allocation
        self._recount(before, self.allocation(key))

    def wrote(self, key: ClaimKey, revision: int) -> None:
        """The claim was written at this revision: what was promised holds until that is seen."""
        if key in self.promises:
            before = self.allocation(key)
            self._revisions[key] = revision
            if self._is_past(key):
                self._kept(key)
            self._recount(before, self.allocation(key))

    def forget(self, key: ClaimKey) -> None:
        """What was promised will not be written."""
        before = self.allocation(key)
        if key not in self._revisions:
            self._kept(key)
        self._recount(before, self.allocation(key))

    def _recount(self, before: Obj | None, after: Obj | None) -> bool:
        if before is after or before == after:
            return False
        for device, consumed in held_by(before or {}):
            self.usage.give_back(device, consumed)
            self._note_device(device)
        for device, consumed in held_by(after or {}):
            self.usage.take(device, consumed)
            self._note_device(device)
        return before is not None

    # What nodes offer

    def offer(self, node_name: str, labels: Mapping[str, str]) -> Offer:
        pools = self.pools.of_node(node_name)
        reached = [
            (pool, [device for alike in pool.alike if alike[0].reaches(node_name, labels) for device in alike])
            for pool in pools
        ]
        used = {
            pool.key: self.usage.counters(pool.key, self.pools.device)
            for pool, found in reached
            if pool.counters and found
        }
        return Offer(
            tuple(pool for pool, found in reached if found),
            tuple(device for _, found in reached for device in found),
            self.usage,
            used,
        )

    def taints(self, device: Device) -> Iterator[Mapping[str, Any]]:
        """The device's own, and those that rules give it."""
        yield from device.spec.get("taints") or ()
        for rule in self._rules.values():
            if rule_concerns(rule, device.id):
                yield rule["spec"]["taint"]

    def tolerated(self, device: Device, ask: Ask) -> bool:
        return all(
            any(tolerates(toleration, taint) for toleration in ask.tolerations)
            for taint in self.taints(device)
            if taint.get("effect") in _HARD
        )

    # What changed

    def _note_device(self, device: DeviceId) -> None:
        pool = self.pools.get(device[:2])
        self._note((pool.nodes or ()) if pool is not None else (), pool is None or pool.nodes is None)

    def _note(self, nodes: Iterable[str], everywhere: bool) -> None:
        if everywhere:
            self.epoch += 1
        self.changes.note(nodes)


def _written(claim: Obj) -> Obj | None:
    found: Obj | None = (claim.get("status") or {}).get("allocation")
    return found


def rule_concerns(rule: Obj, device: DeviceId) -> bool:
    """Does a DeviceTaintRule taint the device? One without a selector taints none."""
    selector = (rule.get("spec") or {}).get("deviceSelector")
    if selector is None:
        return False
    names = zip(("driver", "pool", "device"), device, strict=True)
    return all(not selector.get(field) or selector[field] == name for field, name in names)
