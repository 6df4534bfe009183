"""Which devices of one node satisfy a pod's claims: a search in a fixed order that takes back what led nowhere.

Pure, and the same for the same input: pools, devices and alternatives are tried in their order, and the first
allocation that satisfies everything is taken. The search gives up after ``STEPS`` devices tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from podo.scheduler.devices.asking import ALTERNATIVES_MAX, RESULTS_MAX, Ask, CannotAllocate, ClaimAsk
from podo.scheduler.devices.consuming import consumption
from podo.scheduler.devices.pools import Device, DeviceId, Pool, PoolKey
from podo.scheduler.devices.usage import Usage

#: Devices tried for one node at most.
STEPS = 20_000

#: Does the device match these CEL expressions? Raises CannotAllocate where one cannot be evaluated.
Matches = Callable[[Device, tuple[str, ...], str], bool]
#: Does the request tolerate what the device is tainted with?
Tolerated = Callable[[Device, Ask], bool]


class TookTooLong(CannotAllocate):
    def __init__(self) -> None:
        super().__init__("timed out trying to allocate devices")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One device for one request. ``consumed``: of a shared device's capacities, in billionths."""

    ask: Ask
    device: Device
    consumed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a node offers. ``devices`` are those that it reaches, by pool; ``used`` of the pools' counters."""

    pools: tuple[Pool, ...]
    devices: tuple[Device, ...]
    usage: Usage
    used: Mapping[PoolKey, Mapping[tuple[str, str], int]]


@dataclass(slots=True)
class Search:
    """``taken``, ``consumed`` and ``counted``: by this search, on top of what the offer says is in use."""

    claims: Sequence[ClaimAsk]
    offer: Offer
    matches: Matches
    tolerated: Tolerated
    steps: int = STEPS
    chosen: list[list[Chosen]] = field(default_factory=list)
    taken: Counter[DeviceId] = field(default_factory=Counter)
    consumed: dict[DeviceId, Counter[str]] = field(default_factory=dict)
    counted: Counter[tuple[PoolKey, tuple[str, str]]] = field(default_factory=Counter)
    _candidates: dict[tuple[str, ...], list[Device]] = field(default_factory=dict)

    def run(self) -> list[list[Chosen]] | None:
        """For each claim the devices of its requests in order; None where there is no way. Raises CannotAllocate."""
        self.chosen = [[] for _ in self.claims]
        return self.chosen if self._request(0, 0) else None

    def _request(self, claim: int, request: int) -> bool:
        if claim == len(self.claims):
            return True
        requests = self.claims[claim].requests
        if request == len(requests):
            return self._request(claim + 1, 0)
        return any(self._alternative(claim, request, ask) for ask in requests[request])

    def _alternative(self, claim: int, request: int, ask: Ask) -> bool:
        if ask.count is None:
            return self._all(claim, request, ask)
        candidates = self._matching(claim, ask)
        return self._device(claim, request, ask, candidates, ask.count, 0)

    def _matching(self, claim: int, ask: Ask) -> list[Device]:
        """Devices that the selectors let through, from pools that are whole."""
        found = self._candidates.get(ask.selectors)
        if found is None:
            broken = {pool.key for pool in self.offer.pools if pool.incomplete or pool.invalid}
            title = self.claims[claim].title
            found = [
                device
                for device in self.offer.devices
                if device.id[:2] not in broken and self.matches(device, ask.selectors, title)
            ]
            self._candidates[ask.selectors] = found
        return found

    def _all(self, claim: int, request: int, ask: Ask) -> bool:
        title = self.claims[claim].title
        for pool in self.offer.pools:
            if pool.incomplete or pool.invalid:
                state = "currently being updated" if pool.incomplete else "currently invalid"
                raise CannotAllocate(
                    f"claim {title}, request {ask.name}: asks for all devices, "
                    f"but resource pool {pool.title} is {state}"
                )
        wanted = self._matching(claim, ask)
        return bool(wanted) and self._every(claim, request, ask, wanted, 0)

    def _every(self, claim: int, request: int, ask: Ask, wanted: Sequence[Device], at: int) -> bool:
        if at == len(wanted):
            return self._request(claim, request + 1)
        picked = self._take(claim, ask, wanted[at])
        if picked is None:
            return False
        if self._every(claim, request, ask, wanted, at + 1):
            return True
        self._put_back(claim, picked)
        return False

    def _device(self, claim: int, request: int, ask: Ask, among: Sequence[Device], left: int, start: int) -> bool:
        """Finds ``left`` more devices for the request, from the one numbered ``start`` on."""
        if not left:
            return self._request(claim, request + 1)
        for at in range(start, len(among)):
            picked = self._take(claim, ask, among[at])
            if picked is None:
                continue
            following = at if among[at].shared or ask.admin else at + 1
            if self._device(claim, request, ask, among, left - 1, following):
                return True
            self._put_back(claim, picked)
        return False

    # One device

    def _take(self, claim: int, ask: Ask, device: Device) -> Chosen | None:
        self.steps -= 1
        if self.steps < 0:
            raise TookTooLong
        held = self.chosen[claim]
        if len(held) >= RESULTS_MAX or not self.tolerated(device, ask):
            return None
        if ask.admin and any(one.ask is ask and one.device is device for one in held):
            return None
        consumed = self._consumption(device, ask)
        if consumed is None or not self._satisfies(claim, ask, device):
            return None
        picked = Chosen(ask, device, {} if ask.admin else consumed)
        held.append(picked)
        if not ask.admin:
            self._count(device, consumed, 1)
        return picked

    def _put_back(self, claim: int, picked: Chosen) -> None:
        self.chosen[claim].pop()
        if not picked.ask.admin:
            self._count(picked.device, picked.consumed, -1)

    def _consumption(self, device: Device, ask: Ask) -> Mapping[str, int] | None:
        """What the device would give of its capacities; None where it is not to be had."""
        if ask.admin:
            return {}
        usage, holders = self.offer.usage, self.taken[device.id] + self.offer.usage.holders[device.id]
        if holders and not device.shared:
            return None
        if not holders and not self._counters_left(device):
            return None
        if not device.shared and not ask.capacity:
            return {}
        used = Counter(usage.consumed.get(device.id) or {})
        used.update(self.consumed.get(device.id) or {})
        return consumption(device, ask.capacity, used)

    def _counters_left(self, device: Device) -> bool:
        if not device.counters:
            return True
        key = device.id[:2]
        whole = next(pool.counters for pool in self.offer.pools if pool.key == key)
        used = self.offer.used.get(key) or {}
        return all(
            used.get(counter, 0) + self.counted[key, counter] + amount <= whole.get(counter, 0)
            for counter, amount in device.counters.items()
        )

    def _count(self, device: Device, consumed: Mapping[str, int], sign: int) -> None:
        self.taken[device.id] += sign
        now = self.taken[device.id]
        first = now == (1 if sign > 0 else 0) and not self.offer.usage.holders[device.id]
        for counter, amount in device.counters.items() if first else ():
            self.counted[device.id[:2], counter] += sign * amount
        if consumed:
            total = self.consumed.setdefault(device.id, Counter())
            for name, amount in consumed.items():
                total[name] += sign * amount

    def _satisfies(self, claim: int, ask: Ask, device: Device) -> bool:
        """Do the constraints of the claim hold with this device, too?"""
        for constraint in self.claims[claim].constraints:
            if not constraint.concerns(ask):
                continue
            value = device.attribute(constraint.attribute)
            if value is None:
                return False
            others = (
                one.device.attribute(constraint.attribute) for one in self.chosen[claim] if constraint.concerns(one.ask)
            )
            if any((value == other) is constraint.distinct for other in others):
                return False
        return True


def preference(chosen: Sequence[Sequence[Chosen]], claims: Sequence[ClaimAsk]) -> int:
    """The greater, the earlier the alternatives that were taken."""
    return sum(_points(claim, devices) for claim, devices in zip(claims, chosen, strict=True))


def _points(claim: ClaimAsk, devices: Sequence[Chosen]) -> int:
    names = {one.ask.name for one in devices}
    ranks = (_rank(alternatives, names) for alternatives in claim.requests if "/" in alternatives[0].name)
    return sum(ALTERNATIVES_MAX - rank for rank in ranks if rank is not None)


def _rank(alternatives: Sequence[Ask], names: set[str]) -> int | None:
    return next((index for index, ask in enumerate(alternatives) if ask.name in names), None)
