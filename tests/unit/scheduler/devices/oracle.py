"""The allocator again, slow and obvious: every way to hand out devices is tried, and each is judged as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement, product
from typing import Any

from podo.scheduler.devices.asking import Ask, ClaimAsk
from podo.scheduler.devices.consuming import granted
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.matching import matches
from podo.scheduler.devices.pools import Device, nano

#: For each claim, for each of its requests: the alternative and its devices.
Way = list[list[tuple[Ask, tuple[Device, ...]]]]


def possible(devices: Devices, claims: list[ClaimAsk]) -> bool:
    return any(valid(devices, claims, way) for way in _ways(devices, claims))


def _ways(devices: Devices, claims: list[ClaimAsk]) -> Iterator[Way]:
    offered = [device for pool in devices.pools.all() for device in pool.devices]
    requests = [alternatives for claim in claims for alternatives in claim.requests]
    for picked in product(*(list(_options(each, offered)) for each in requests)):
        left = list(picked)
        yield [[left.pop(0) for _ in claim.requests] for claim in claims]


def _options(alternatives: tuple[Ask, ...], offered: list[Device]) -> Iterator[tuple[Ask, tuple[Device, ...]]]:
    for ask in alternatives:
        matching = [device for device in offered if matches(device, ask.selectors, "c")]
        if ask.count is None:
            if matching:
                yield ask, tuple(matching)
        else:
            several = combinations_with_replacement if any(d.shared for d in matching) else combinations
            yield from ((ask, each) for each in several(matching, ask.count))


def valid(devices: Devices, claims: list[ClaimAsk], way: Way) -> bool:
    everything = [(ask, device) for requests in way for ask, found in requests for device in found]
    holders = Counter(device.id for ask, device in everything if not ask.admin)
    by_id = {device.id: device for _, device in everything}
    return (
        all(devices.tolerated(device, ask) for ask, device in everything)
        and all(_free(devices, by_id[one], count) for one, count in holders.items())
        and _counters_hold(devices, [by_id[one] for one in holders])
        and all(_capacity_holds(device, everything) for device in by_id.values())
        and all(_constraints_hold(claim, found) for claim, found in zip(claims, way, strict=True))
    )


def _free(devices: Devices, device: Device, count: int) -> bool:
    return device.shared or (count == 1 and not devices.usage.holders[device.id])


def _counters_hold(devices: Devices, taken: list[Device]) -> bool:
    for pool in devices.pools.all():
        in_use = {device.id: device for device in taken if device.id[:2] == pool.key}
        in_use |= {device.id: device for device in pool.devices if devices.usage.holders[device.id]}
        total: Counter[Any] = Counter()
        for device in in_use.values():
            total.update(device.counters)
        if any(amount > pool.counters.get(counter, 0) for counter, amount in total.items()):
            return False
    return True


def _capacity_holds(device: Device, everything: list[tuple[Ask, Device]]) -> bool:
    asks = [ask for ask, other in everything if other is device and not ask.admin]
    for name, capacity in device.spec["capacity"].items():
        amounts = [granted(capacity, ask.capacity.get(name)) for ask in asks]
        if device.shared:
            if None in amounts or sum(amount or 0 for amount in amounts) > nano(capacity["value"]):
                return False
        elif any(ask.capacity.get(name, 0) > nano(capacity["value"]) for ask in asks):
            return False
    return all(ask.capacity.keys() <= device.spec["capacity"].keys() for ask in asks)


def _constraints_hold(claim: ClaimAsk, requests: list[tuple[Ask, tuple[Device, ...]]]) -> bool:
    for constraint in claim.constraints:
        values = [
            device.attribute(constraint.attribute)
            for ask, found in requests
            if constraint.concerns(ask)
            for device in found
        ]
        if None in values:
            return False
        different = len(set(values))
        if different != (len(values) if constraint.distinct else min(1, len(values))):
            return False
    return True
