"""Why the ResourceClaims of a pod have no devices: no claim, template or class, nobody who offers any, or they are in
use."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.api.parts.podclaims import made_for
from podo.cluster.why import deleting
from podo.cluster.why.finding import Finding, Picture, title

CLAIM, TEMPLATE, CLASS, SLICE = "ResourceClaim", "ResourceClaimTemplate", "DeviceClass", "ResourceSlice"


def of_pod(pod: Obj, picture: Picture) -> Iterator[Finding]:
    """A finding for each claim of the pod that keeps it waiting."""
    made = made_for(pod)
    for each in pod["spec"].get("resourceClaims") or ():
        name = each.get("resourceClaimName") or made.get(each["name"])
        if name:
            yield from _named(namespace_of(pod), name, picture)
        elif each["name"] not in made:
            yield from _of_template(namespace_of(pod), each, picture)


def _named(namespace: str, name: str, picture: Picture) -> Iterator[Finding]:
    claim = picture.get(CLAIM, namespace, name)
    if claim is not None:
        found = why_claim(claim, picture)
        if "nothing is wrong" not in found.says[0]:
            yield found
    elif CLAIM not in picture.unseen:
        yield Finding(f"{CLAIM} {namespace}/{name}", ("does not exist",))


def _of_template(namespace: str, asked: Obj, picture: Picture) -> Iterator[Finding]:
    name = asked.get("resourceClaimTemplateName") or ""
    about = f"{TEMPLATE} {namespace}/{name}"
    if picture.get(TEMPLATE, namespace, name) is not None:
        yield Finding(about, (f"the claim {asked['name']} is still to be made from it",))
    elif TEMPLATE not in picture.unseen:
        yield Finding(about, ("does not exist",))


def why_claim(claim: Obj, picture: Picture) -> Finding:
    status = claim.get("status") or {}
    going = list(deleting.lines(claim, picture))
    if status.get("allocation") and not going:
        users = len(status.get("reservedFor") or ())
        return Finding(title(claim), (f"allocated, {users} pods use it: nothing is wrong",))
    says = going or ["not allocated"]
    return Finding(title(claim), tuple(says), tuple(_missing(claim, picture)) if not going else ())


def _missing(claim: Obj, picture: Picture) -> Iterator[Finding]:
    if SLICE not in picture.unseen and not picture.all(SLICE):
        yield Finding("ResourceSlices", ("there are none: no driver offers any devices",))
    known = {name_of(each) for each in picture.all(CLASS)}
    wanted = dict.fromkeys(_classes(claim))
    for name in wanted if CLASS not in picture.unseen else ():
        if name not in known:
            yield Finding(f"{CLASS} {name}", ("does not exist",))


def _classes(claim: Obj) -> Iterator[str]:
    for request in ((claim.get("spec") or {}).get("devices") or {}).get("requests") or ():
        for asked in (request.get("exactly"), *(request.get("firstAvailable") or ())):
            if asked:
                yield str(asked.get("deviceClassName") or "")
