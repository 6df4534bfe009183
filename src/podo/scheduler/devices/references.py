"""The ResourceClaims that a pod names, and those that are made for it from templates."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.parts.podclaims import made_for


def uses_claims(pod: Obj) -> bool:
    return bool(pod["spec"].get("resourceClaims"))


def awaits_claims(pod: Obj) -> bool:
    """Are claims still to be made from templates?"""
    wanted = pod["spec"].get("resourceClaims")
    if not wanted:
        return False
    made = made_for(pod)
    return any(not each.get("resourceClaimName") and each["name"] not in made for each in wanted)


def names(pod: Obj) -> Iterator[tuple[str, bool]]:
    """The names of the claims, and whether each was made for this pod alone."""
    made = made_for(pod)
    for each in pod["spec"].get("resourceClaims") or ():
        if name := each.get("resourceClaimName"):
            yield name, False
        elif made.get(each["name"]):  # "" where the template's claim is not needed
            yield made[each["name"]], True
