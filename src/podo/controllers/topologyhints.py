"""Topology aware routing (``service.kubernetes.io/topology-mode: Auto``): which zone's traffic each endpoint of a
Service is to take, so that each zone has as large a part of the endpoints as its nodes have of the cluster's CPU.

Pure. Source: KEP-2433 and the documentation's "Topology Aware Routing". Upstream has deprecated it in favour of
``spec.trafficDistribution`` and keeps it working.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Any, NamedTuple

from podo.api.kind import Obj
from podo.api.meta import annotations_of
from podo.api.parts import topologymode
from podo.reconcile.actions import Tell

Endpoint = dict[str, Any]
#: Zones and their parts of all CPU; empty where the nodes do not say enough.
Shares = Mapping[str, float]

#: The former name of the annotation, which counts before the present one.
_ANNOTATIONS = (topologymode.FORMER, topologymode.MODE)
#: So much more than its part an endpoint may get to do.
OVERLOAD = 0.2

_ENABLED, _DISABLED = "TopologyAwareHintsEnabled", "TopologyAwareHintsDisabled"
_NO_ZONE = "One or more endpoints do not have a zone specified"
_TOO_LITTLE_KNOWN = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
_TOO_FEW = "Insufficient number of endpoints"
_OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"


class Piece(NamedTuple):
    """A slice: its endpoints as they are to be, without hints, and as they are."""

    endpoints: list[Endpoint]
    present: list[Endpoint]


class Allotment(NamedTuple):
    """The endpoints of each slice, with their hints; without any, and why, where there can be none."""

    endpoints: list[list[Endpoint]]
    refusal: str = ""


class _Need(NamedTuple):
    """How many endpoints a zone must have at least, should have, and may have while the others have their least."""

    least: int
    wanted: float
    most: int


class _Refused(Exception):
    pass


def is_wanted(service: Obj) -> bool:
    annotations = annotations_of(service)
    return next((annotations[name] for name in _ANNOTATIONS if name in annotations), "") in ("Auto", "auto")


def without_hints(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    return [{key: value for key, value in endpoint.items() if key != "hints"} for endpoint in endpoints]


def counted(endpoints: Iterable[Endpoint]) -> Counter[str]:
    """How many endpoints take the traffic of each zone."""
    return Counter(zone for endpoint in endpoints if _is_ready(endpoint) for zone in _zones(endpoint))


def is_overloaded(counts: Mapping[str, int], shares: Shares) -> bool:
    """Has a zone fewer endpoints than it must have? Also where the nodes do not say enough any more."""
    number = sum(counts.values())
    if not number or not shares:
        return bool(number)
    return any(counts.get(zone, 0) < _least(number * share) for zone, share in shares.items())


def told(service: Obj, family: str, refusal: str, present: Iterable[Obj]) -> Iterator[Tell]:
    """Each time that hints cannot be given, and the first time that they are. ``present``: the Service's slices."""
    if refusal:
        yield Tell(service, _DISABLED, f"{refusal}, addressType: {family}", "Warning")
    elif not any(map(_has_hints, present)):
        yield Tell(service, _ENABLED, f"Topology Aware Hints has been enabled, addressType: {family}")


def told_of_the_end(service: Obj, present: Iterable[Obj]) -> Iterator[Tell]:
    """That the hints go. Whether it was the annotation that asked for them cannot be seen any more."""
    if hinted := next(filter(_has_hints, present), None):
        message = f"Topology Aware Hints has been disabled, addressType: {hinted['addressType']}"
        yield Tell(service, _DISABLED, message, "Warning")


def allot(pieces: list[Piece], shares: Shares) -> Allotment:
    """Slices that can stay as they are do; in the others each endpoint takes its own zone's traffic, but for so many as
    zones that have too many give to those that have too few."""
    bare = [piece.endpoints for piece in pieces]
    try:
        needs = _needs(sum(map(_is_ready, (each for endpoints in bare for each in endpoints))), shares)
        counts: Counter[str] = Counter()
        changing = [index for index, piece in enumerate(pieces) if not _stays(piece, counts, needs)]
        taken = {(index, place): zone for index in changing for place, zone in _own_zones(bare[index])}
    except _Refused as refused:
        return Allotment(bare, str(refused))
    counts.update(taken.values())
    _give(taken, *_moves(needs, counts))
    found = [piece.present for piece in pieces]
    for index in changing:
        found[index] = [_hinted(each, taken.get((index, place))) for place, each in enumerate(bare[index])]
    return Allotment(found)


def _needs(number: int, shares: Shares) -> dict[str, _Need]:
    if not shares:
        raise _Refused(_TOO_LITTLE_KNOWN)
    among = f"({number} endpoints, {len(shares)} zones)"
    if number < len(shares):
        raise _Refused(f"{_TOO_FEW} {among}")
    least = {zone: _least(share * number) for zone, share in shares.items()}
    spare = number - sum(least.values())
    if spare < 0:
        raise _Refused(f"{_OVERLOADED} {among}")
    return {zone: _Need(each, max(shares[zone] * number, each), each + spare) for zone, each in least.items()}


def _least(wanted: float) -> int:
    return ceil(wanted * (1 / (1 + OVERLOAD)))


def _stays(piece: Piece, counts: Counter[str], needs: Mapping[str, _Need]) -> bool:
    """Is this slice as it should be, and are its hints good beside the ``counts`` of those before it? They are added
    to these then."""
    if without_hints(piece.present) != piece.endpoints:
        return False
    if not all(_has_zone_hints_only(each) for each in piece.present if _is_ready(each)):
        return False
    own = counted(piece.present)
    if any(zone not in needs or counts[zone] + count > needs[zone].most for zone, count in own.items()):
        return False
    counts.update(own)
    return True


def _own_zones(endpoints: list[Endpoint]) -> Iterator[tuple[int, str]]:
    for place, endpoint in enumerate(endpoints):
        if _is_ready(endpoint):
            if not endpoint.get("zone"):
                raise _Refused(_NO_ZONE)
            yield place, endpoint["zone"]


def _moves(needs: Mapping[str, _Need], counts: Mapping[str, int]) -> tuple[Counter[str], Counter[str]]:
    """How many endpoints each zone gives away, and how many each takes: from the one that has most too many to the one
    that lacks most, as long as that is worth it."""
    over = {zone: counts.get(zone, 0) - need.wanted for zone, need in needs.items()}
    surplus = {zone: number for zone, number in over.items() if number > 0}
    lack = {zone: -number for zone, number in over.items() if number < 0}
    giving: Counter[str] = Counter()
    taking: Counter[str] = Counter()
    while surplus and lack:
        giver, taker = max(surplus, key=surplus.__getitem__), max(lack, key=lack.__getitem__)
        if min(surplus[giver], lack[taker]) < 0.5 or max(surplus[giver], lack[taker]) < 1:
            break
        giving[giver] += 1
        surplus[giver] -= 1
        taking[taker] += 1
        lack[taker] -= 1
    return giving, taking


def _give(taken: dict[tuple[int, int], str], giving: Counter[str], taking: Counter[str]) -> None:
    """Let as many endpoints take the traffic of another zone."""
    others = iter(sorted(taking.elements()))
    for place, zone in taken.items():
        if giving[zone] > 0:
            giving[zone] -= 1
            taken[place] = next(others)


def _hinted(endpoint: Endpoint, zone: str | None) -> Endpoint:
    return {**endpoint, "hints": {"forZones": [{"name": zone}]}} if zone else endpoint


def _has_hints(slice_: Obj) -> bool:
    return any(map(_zones, slice_.get("endpoints") or ()))


def _is_ready(endpoint: Endpoint) -> bool:
    return bool(endpoint["conditions"].get("ready"))


def _has_zone_hints_only(endpoint: Endpoint) -> bool:
    """Those of ``spec.trafficDistribution`` may be for nodes, too."""
    return bool(_zones(endpoint)) and len(endpoint["hints"]) == 1


def _zones(endpoint: Endpoint) -> list[str]:
    return [zone["name"] for zone in (endpoint.get("hints") or {}).get("forZones") or ()]
