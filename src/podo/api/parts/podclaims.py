"""The ResourceClaims of a pod: those that it names, those that were made for it from templates, and the one that was
made for its extended resources.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj


def made_for(pod: Obj) -> dict[str, str]:
    """The claims that were made from the pod's templates, by the entry of ``spec.resourceClaims``; "" where none is
    needed."""
    statuses = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    return {each["name"]: each.get("resourceClaimName") or "" for each in statuses}


def claim_names(pod: Obj) -> Iterator[str]:
    """All claims that there are for the pod, or ought to be."""
    made = made_for(pod)
    for each in pod["spec"].get("resourceClaims") or ():
        if name := each.get("resourceClaimName") or made.get(each["name"]):
            yield name
    if extended := (pod.get("status") or {}).get("extendedResourceClaimStatus"):
        yield extended["resourceClaimName"]
