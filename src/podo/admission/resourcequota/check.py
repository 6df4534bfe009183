"""Whether a write fits into a quota. Pure.

Amounts in a quota count by name; one write is charged for what it adds to each name that the quota has a limit for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podo.admission.resourcequota.scopes import matches
from podo.admission.resourcequota.usage import PODS, Resource, compute, resource_of, usage
from podo.api.kind import Obj
from podo.api.parts.podamounts import Amounts, amounts_of
from podo.values.quantity import Quantity

_ZERO = Quantity(0)
#: Where one of these is limited, each container must say how much it wants.
_MUST_SAY = frozenset(
    ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"),
)


class Refused(Exception):
    """The write does not fit; the message is the API's."""


@dataclass(slots=True)
class Tally:
    """A quota as it is being worked with: ``used`` moves, the rest stays."""

    quota: Obj
    hard: Amounts
    used: Amounts

    @property
    def name(self) -> str:
        return str(self.quota["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.quota["metadata"]["uid"])

    def add(self, amounts: Amounts) -> None:
        for name, amount in amounts.items():
            if name in self.hard:
                self.used[name] = self.used.get(name, _ZERO) + amount

    def take_off(self, amounts: Amounts) -> None:
        """Never below nothing."""
        for name, amount in amounts.items():
            if name in self.hard:
                self.used[name] = max(self.used.get(name, _ZERO) - amount, _ZERO)


def tally_of(quota: Obj) -> Tally:
    status = quota.get("status") or {}
    return Tally(quota, amounts_of(status.get("hard")), amounts_of(status.get("used")))


@dataclass(frozen=True, slots=True)
class Write:
    """One write to be charged. ``old`` is None for a new object."""

    resource: Resource
    new: Obj
    old: Obj | None
    now: float


def added(write: Write) -> Amounts:
    """What a write adds, without what it adds nothing to. Raises Refused for amounts below nothing."""
    found = usage(write.resource, write.new, write.now)
    if negative := sorted(name for name, amount in found.items() if amount < _ZERO):
        raise Refused(f"quota usage is negative for resource(s): {','.join(negative)}")
    before = usage(write.resource, write.old, write.now) if write.old is not None else {}
    more = {name: amount - before[name] if name in before else amount for name, amount in found.items()}
    return {name: amount for name, amount in more.items() if amount > _ZERO}


def concerns(tally: Tally, resource: Resource, obj: Obj) -> bool:
    """Does the quota count such an object at all?"""
    spec = tally.quota.get("spec") or {}
    return any(resource_of(name) == resource for name in tally.hard) and matches(spec, resource, obj)


def charge(tally: Tally, write: Write, more: Amounts) -> Amounts:
    """Add what the write uses to the tally, and give that; {} where the quota does not concern it. Raises Refused."""
    if not concerns(tally, write.resource, write.new):
        return {}
    if write.resource == PODS and (missing := _unsaid(write.new, tally.hard)):
        raise Refused(f"failed quota: {tally.name}: must specify {missing}")
    wanted = {name: amount for name, amount in more.items() if name in tally.hard}
    over = sorted(name for name, amount in wanted.items() if tally.used.get(name, _ZERO) + amount > tally.hard[name])
    if over:
        asked, used, limited = (_shown(amounts, over) for amounts in (wanted, tally.used, tally.hard))
        raise Refused(f"exceeded quota: {tally.name}, requested: {asked}, used: {used}, limited: {limited}")
    tally.add(wanted)
    return wanted


def _shown(amounts: Amounts, names: Iterable[str]) -> str:
    return ",".join(f"{name}={amounts.get(name, _ZERO)}" for name in names)


def _unsaid(pod: Obj, hard: Amounts) -> str:
    """What containers would have to say: ``limits.cpu for: main,other; ...``; "" for nothing."""
    spec = pod.get("spec") or {}
    own = spec.get("resources") or {}
    wanted = sorted(
        _MUST_SAY & set(hard) - set(compute(amounts_of(own.get("requests")), amounts_of(own.get("limits"))))
    )
    if not wanted:
        return ""
    missing: dict[str, set[str]] = {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        said = compute(amounts_of(resources.get("requests")), amounts_of(resources.get("limits")))
        for name in wanted:
            if name not in said:
                missing.setdefault(name, set()).add(container.get("name") or "")
    return "; ".join(f"{name} for: {','.join(sorted(containers))}" for name, containers in sorted(missing.items()))


def released(tally: Tally, resource: Resource, old: Obj, new: Obj | None, now: float) -> Amounts | None:
    """What the quota counts no more since ``old`` became ``new`` (None: is gone). None where only counting can tell."""
    before = usage(resource, old, 0) if concerns(tally, resource, old) else {}
    after = usage(resource, new, 0) if new is not None and concerns(tally, resource, new) else {}
    if before != (usage(resource, old, now) if before else {}):
        return None  # a pod that should have ended long ago: it may have been left out already
    if resource == PODS and new is not None and any(amount > before.get(name, _ZERO) for name, amount in after.items()):
        return None  # it moved into the quota's scope; no write was charged for that
    less = {name: amount - after[name] if name in after else amount for name, amount in before.items()}
    return {name: amount for name, amount in less.items() if amount > _ZERO}
