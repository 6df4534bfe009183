"""Who has which devices: those of one claim alone, the parts of shared ones, and what of the pools' counters is taken.

Counted up and down as claims are allocated and freed, never summed anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.scheduler.devices.pools import Counters, Device, DeviceId, PoolKey, nano


@dataclass(slots=True)
class Usage:
    """``holders``: how many allocations a device has; ``consumed``: of a shared device's capacities, in billionths."""

    holders: Counter[DeviceId] = field(default_factory=Counter)
    consumed: dict[DeviceId, Counter[str]] = field(default_factory=dict)
    _of_pool: dict[PoolKey, set[DeviceId]] = field(default_factory=dict)

    def take(self, device: DeviceId, capacity: Mapping[str, int]) -> None:
        self.holders[device] += 1
        self._of_pool.setdefault(device[:2], set()).add(device)
        if capacity:
            self.consumed.setdefault(device, Counter()).update(capacity)

    def give_back(self, device: DeviceId, capacity: Mapping[str, int]) -> None:
        self.holders[device] -= 1
        if capacity:
            self.consumed[device].subtract(capacity)
        if self.holders[device] <= 0:
            del self.holders[device]
            self.consumed.pop(device, None)
            held = self._of_pool[device[:2]]
            held.discard(device)
            if not held:
                del self._of_pool[device[:2]]

    def counters(self, pool: PoolKey, device: Callable[[DeviceId], Device | None]) -> Counters:
        """What of the pool's counters its devices in use take together."""
        total: Counter[tuple[str, str]] = Counter()
        for each in self._of_pool.get(pool, ()):
            if (found := device(each)) is not None and found.counters:
                total.update(found.counters)
        return total


def held_by(allocation: Obj) -> Iterator[tuple[DeviceId, Mapping[str, int]]]:
    """The devices that an allocation takes, with the capacities consumed. Administrators' access takes none."""
    for each in (allocation.get("devices") or {}).get("results") or ():
        if not each.get("adminAccess"):
            consumed = {name: nano(amount) for name, amount in (each.get("consumedCapacity") or {}).items()}
            yield (each["driver"], each["pool"], each["device"]), consumed
