"""How many seats each priority level has, worked out of the shares of all of them. Pure.

A request takes a seat (a large LIST several) while it is worked on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor

from podo.api.kind import Obj


@dataclass(frozen=True, slots=True)
class Queuing:
    queues: int
    hand: int
    length: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Seats. ``nominal``: by its shares; ``least`` is what it never lends, ``most`` what it has with all it may
    borrow. ``queuing`` None: what finds no seat is refused."""

    name: str
    uid: str
    exempt: bool
    nominal: int
    least: int
    most: int
    queuing: Queuing | None = None


def limits_of(levels: Iterable[Obj], total: int) -> dict[str, Limits]:
    """``total``: the seats of the server, by requests in flight."""
    levels = list(levels)
    shares = sum(_share(level) for level in levels) or 1
    return {level["metadata"]["name"]: _limits(level, total, shares) for level in levels}


def nearest(seats: float) -> int:
    """Halves go up, as in upstream's arithmetic."""
    return floor(seats + 0.5)


def _body(level: Obj) -> Obj:
    spec = level["spec"]
    return (spec.get("exempt") if spec.get("type") == "Exempt" else spec.get("limited")) or {}


def _share(level: Obj) -> int:
    default = 0 if level["spec"].get("type") == "Exempt" else 30
    share = _body(level).get("nominalConcurrencyShares")
    return default if share is None else int(share)


def _limits(level: Obj, total: int, shares: int) -> Limits:
    body, exempt = _body(level), level["spec"].get("type") == "Exempt"
    nominal = ceil(total * _share(level) / shares)
    lent = nearest(nominal * (body.get("lendablePercent") or 0) / 100)
    borrowing = body.get("borrowingLimitPercent")
    most = nominal + (total if borrowing is None else nearest(nominal * borrowing / 100))
    queuing = (body.get("limitResponse") or {}).get("queuing") or {}
    name, uid = level["metadata"]["name"], level["metadata"].get("uid") or ""
    queued = Queuing(queuing["queues"], queuing["handSize"], queuing["queueLengthLimit"]) if queuing else None
    return Limits(name, uid, exempt, nominal, nominal - lent, most, queued)
