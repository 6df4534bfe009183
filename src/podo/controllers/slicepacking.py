"""Packing endpoints into slices so that few slices change: an endpoint stays where it is as long as it exists. Pure."""

from __future__ import annotations

from typing import Any

Endpoint = dict[str, Any]


def pack(wanted: list[Endpoint], present: list[list[Endpoint]], largest: int) -> list[list[Endpoint]]:
    """The endpoints of each present slice, then of slices to be made. A slice that becomes empty is to be deleted.

    New endpoints go first into slices that change anyway, then into one other slice that has room for all that is left
    (the fullest such), else into new slices.
    """
    left = {_identity(endpoint): endpoint for endpoint in wanted}
    slices: list[list[Endpoint]] = []
    changing: list[bool] = []
    for endpoints in present:
        kept = [new for old in endpoints if (new := left.pop(_identity(old), None)) is not None]
        slices.append(kept)
        changing.append(kept != endpoints)
    rest = list(left.values())
    for each, changes in zip(slices, changing, strict=True):
        if changes and each and rest:
            room = largest - len(each)
            each.extend(rest[:room])
            rest = rest[room:]
    if rest:
        rest = _into_one(rest, slices, largest)
    slices.extend(rest[start : start + largest] for start in range(0, len(rest), largest))
    return slices


def _into_one(rest: list[Endpoint], slices: list[list[Endpoint]], largest: int) -> list[Endpoint]:
    """What is left after all of ``rest`` went into the fullest slice that takes it; all of it where none does."""
    fitting = [each for each in slices if len(each) + len(rest) <= largest]
    if not fitting:
        return rest
    max(fitting, key=len).extend(rest)
    return []


def _identity(endpoint: Endpoint) -> tuple[str, tuple[str, ...]]:
    return str((endpoint.get("targetRef") or {}).get("uid", "")), tuple(endpoint.get("addresses") or ())
