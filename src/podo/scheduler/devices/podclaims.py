"""What the ResourceClaims of a pod demand of nodes: do they keep it from every node, where are those that have devices,
and what do the others ask for?"""

from __future__ import annotations

from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import is_controlled_by, is_deleting
from podo.scheduler.devices.asking import CannotAllocate, ClaimAsk, ClaimKey, read, signature
from podo.scheduler.devices.extended import ask_for, claim_for
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.references import awaits_claims, names, uses_claims
from podo.scheduler.podinfo import PodInfo

#: Pods that may use one claim at once.
CONSUMERS_MAX = 256


@dataclass(frozen=True, slots=True)
class Demands:
    """``problem``: what keeps the pod from every node, "" for nothing. ``selectors``: of the allocations that there
    are, by claim. ``asks``: of the claims that have none, ``key`` equal for pods that ask for the same.
    ``made``: the claim for extended resources that is yet to be made, the last of ``asks``."""

    problem: str = ""
    selectors: tuple[tuple[ClaimKey, Obj], ...] = ()
    open: tuple[ClaimKey, ...] = ()
    asks: tuple[ClaimAsk, ...] = ()
    key: str = ""
    made: Obj | None = None


def demands(pod: PodInfo, devices: Devices) -> Demands:
    selectors: list[tuple[ClaimKey, Obj]] = []
    missing: list[ClaimKey] = []
    if awaits_claims(pod.obj):
        return Demands("waiting for the ResourceClaims of its templates to be created")
    for name, own in names(pod.obj):
        key = (pod.namespace, name)
        if problem := _problem(pod, key, own, devices):
            return Demands(problem)
        allocation = devices.allocation(key)
        if allocation is None:
            missing.append(key)
        elif selector := allocation.get("nodeSelector"):
            selectors.append((key, selector))
    claims = [devices.claims[key] for key in missing]
    made = claim_for(pod.obj, devices.extended) if _extended(pod, devices) else None
    try:
        asks = [read(claim, devices.classes) for claim in claims]
        if made is not None:
            asks.append(ask_for(pod.obj, made, devices.extended, devices.classes))
            missing.append(made_key(pod))
    except CannotAllocate as problem:
        return Demands(str(problem))
    resources = asks[-1].resources if made is not None else ()
    text = "\n".join([*map(signature, [*claims, *([made] if made is not None else ())]), *resources])
    return Demands("", tuple(selectors), tuple(missing), tuple(asks), text, made)


def made_key(pod: PodInfo) -> ClaimKey:
    """Of the claim that is yet to be made for the extended resources of a pod."""
    return pod.namespace, f"<extended-resources>/{pod.uid}"


def concerned(pod: PodInfo, devices: Devices) -> bool:
    """Does the pod use claims, or extended resources that may be devices?"""
    return uses_claims(pod.obj) or _extended(pod, devices)


def _extended(pod: PodInfo, devices: Devices) -> bool:
    return bool(devices.extended) and not devices.extended.keys().isdisjoint(pod.requests)


def _problem(pod: PodInfo, key: ClaimKey, own: bool, devices: Devices) -> str:
    claim = devices.claims.get(key)
    if claim is None:
        return f'resourceclaim "{key[1]}" not found'
    if is_deleting(claim):
        return f'resourceclaim "{key[1]}" is being deleted'
    if own and not is_controlled_by(claim, pod.obj):
        return f"ResourceClaim {key[0]}/{key[1]} was not created for pod {pod.key} (pod is not owner)"
    users = (claim.get("status") or {}).get("reservedFor") or ()
    if len(users) >= CONSUMERS_MAX and all(user.get("uid") != pod.uid for user in users):
        return "resourceclaim in use"
    return ""
