"""The ResourceClaims that a pod names, and those that are made for it from templates."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj


def uses_claims(pod: Obj) -> bool:
    return bool(pod["spec"].get("resourceClaims"))


def awaits_claims(pod: Obj) -> bool:
    """Are claims still to be made from templates?"""
    wanted = pod["spec"].get("resourceClaims")
    if not wanted:
        return False
    made = {each["name"] for each in (pod.get("status") or {}).get("resourceClaimStatuses") or ()}
    return any(not each.get("resourceClaimName") and each["name"] not in made for each in wanted)


def names(pod: Obj) -> Iterator[tuple[str, bool]]:
    """The names of the claims, and whether each was made for this pod alone."""
    made = {
        each["name"]: each.get("resourceClaimName") or ""
        for each in (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    }
    for each in pod["spec"].get("resourceClaims") or ():
        if name := each.get("resourceClaimName"):
            yield name, False
        elif made.get(each["name"]):  # "" where the template's claim is not needed
            yield made[each["name"]], True
