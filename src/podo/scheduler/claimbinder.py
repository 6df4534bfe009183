"""Gives a pod's ResourceClaims their devices: promises them when a node is chosen, writes the allocations and that the
pod uses them, and waits where devices need time. What cannot be completed is taken back.

Source: "Dynamic Resource Allocation" of the documentation; KEP-4381, KEP-5007 (binding conditions).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import revision_of, uid_of
from podo.client.contract import Client, Unreachable
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import sleep, within
from podo.scheduler.devices.allocation import allocation_of
from podo.scheduler.devices.asking import CannotAllocate, ClaimKey
from podo.scheduler.devices.extended import mappings, only
from podo.scheduler.devices.podclaims import Demands, concerned, demands, made_key
from podo.scheduler.devices.references import names, uses_claims
from podo.scheduler.devices.verdicts import NONE_FREE, choose
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.requests import DEADLINE, patch_status
from podo.scheduler.snapshot import Snapshot
from podo.values import timestamp

log = Logger("podo.scheduler")

#: How often a write is tried that meets another.
TRIES = 5
#: Seconds before the second try to take something back; doubled with each.
FIRST_WAIT = 0.5
FINALIZER = "resource.kubernetes.io/delete-protection"


class NotAllocated(Exception):
    """A claim did not get its devices, or they did not become ready; the message is for the pod's event."""


@dataclass(slots=True)
class ExtendedClaim:
    """The claim that is made for the extended resources of a pod; ``name``: "" until it is made."""

    claim: Obj
    allocation: Obj
    mappings: list[dict[str, str]]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The claims of one pod, each with the allocation that it is to be given (None: it has one). ``begun``: those that
    were written, or perhaps were: an answer may be lost."""

    pod: PodInfo
    claims: tuple[tuple[ClaimKey, str, Obj | None], ...]  # key, uid, allocation
    begun: set[ClaimKey] = field(default_factory=set)
    extended: ExtendedClaim | None = None


class ClaimBinder:
    def __init__(self, client: Client, snapshot: Snapshot, clock: Clock, chance: Chance) -> None:
        self._client = client
        self._snapshot = snapshot
        self._clock = clock
        self._chance = chance
        self._changes = asyncio.Event()

    def changed(self) -> None:
        """A claim has changed: those who wait look again."""
        self._changes.set()
        self._changes = asyncio.Event()

    def reserve(self, pod: PodInfo, node_name: str) -> Reservation | None:
        """From here on nobody else gets the devices; None where the pod uses none. Raises NotAllocated."""
        if not concerned(pod, self._snapshot.devices):
            return None
        devices, node = self._snapshot.devices, self._snapshot.node(self._snapshot.row_of[node_name])
        asked = demands(pod, devices)
        try:
            chosen = choose(devices, list(asked.asks), node)
        except CannotAllocate as problem:
            raise NotAllocated(str(problem)) from problem
        if asked.problem or chosen is None:
            raise NotAllocated(asked.problem or NONE_FREE)
        made = {
            key: allocation_of(asked.made or {}, found, devices.classes, node_name, self._chance.uid)
            if key == made_key(pod)
            else allocation_of(devices.claims[key], found, devices.classes, node_name, self._chance.uid)
            for key, found in zip(asked.open, chosen, strict=True)
            if found or key != made_key(pod)
        }
        for key, allocation in made.items():
            allocation["allocationTimestamp"] = timestamp.time(self._clock.now())
            devices.promise(key, allocation)
        keys = dict.fromkeys((pod.namespace, name) for name, _ in names(pod.obj))
        claims = tuple((key, uid_of(devices.claims[key]), made.get(key)) for key in keys)
        extended = self._extended(pod, asked, made[made_key(pod)]) if made_key(pod) in made else None
        return Reservation(pod, claims, extended=extended)

    def _extended(self, pod: PodInfo, asked: Demands, allocation: Obj) -> ExtendedClaim:
        assert asked.made is not None  # there is an allocation for it
        satisfied = frozenset(each["request"] for each in allocation["devices"]["results"])
        every = mappings(pod.obj, self._snapshot.devices.extended)
        mapped = [mapping for mapping, _ in every if mapping["requestName"] in satisfied]
        return ExtendedClaim(only(asked.made, satisfied), allocation, mapped)

    async def carry_out(self, reservation: Reservation, patience: float) -> None:
        """``patience``: seconds that the devices may take to become ready. Raises NotAllocated."""
        try:
            for key, uid, allocation in reservation.claims:
                reservation.begun.add(key)
                await self._write(key, uid, allocation, reservation.pod)
            if reservation.extended is not None:
                await self._make(reservation.extended, reservation.pod)
            if any(_late(allocation) for _, _, allocation in reservation.claims):
                await within(patience, self._ready(reservation))
        except (ApiError, Unreachable, OSError) as failure:
            raise NotAllocated(str(failure)) from failure
        except TimeoutError as failure:
            raise NotAllocated("device binding timeout") from failure

    async def _write(self, key: ClaimKey, uid: str, allocation: Obj | None, pod: PodInfo) -> None:
        """Optimistic, a few times: what others write meanwhile (another pod that uses the claim) is kept."""
        for left in reversed(range(TRIES)):
            claim = await within(DEADLINE, self._client.get("ResourceClaim", key[1], key[0]))
            if uid_of(claim) != uid:
                raise NotAllocated(f'resourceclaim "{key[1]}" was replaced')
            try:
                await within(DEADLINE, self._reserve(key, claim, allocation, pod))
                return
            except ApiError as failure:
                if failure.reason != "Conflict" or not left:
                    raise

    async def _make(self, wanted: ExtendedClaim, pod: PodInfo) -> None:
        """The claim for extended resources, and what the pod says of it."""
        metadata = {**wanted.claim["metadata"], "finalizers": [FINALIZER]}
        claim = await within(DEADLINE, self._client.create({**wanted.claim, "metadata": metadata}))
        wanted.name = claim["metadata"]["name"]
        key, devices = (pod.namespace, wanted.name), self._snapshot.devices
        devices.promise(key, wanted.allocation)
        devices.forget(made_key(pod))
        await within(DEADLINE, self._reserve(key, claim, wanted.allocation, pod))
        told = {"resourceClaimName": wanted.name, "requestMappings": wanted.mappings}
        patch = {"metadata": {"uid": pod.uid}, "status": {"extendedResourceClaimStatus": told}}
        await within(DEADLINE, patch_status(self._client, pod, patch))

    async def _reserve(self, key: ClaimKey, claim: Obj, allocation: Obj | None, pod: PodInfo) -> None:
        status, metadata = claim.get("status") or {}, claim["metadata"]
        if metadata.get("deletionTimestamp"):
            raise NotAllocated(f'resourceclaim "{metadata["name"]}" is being deleted')
        if allocation is not None and status.get("allocation"):
            raise NotAllocated(f'resourceclaim "{metadata["name"]}" was allocated elsewhere meanwhile')
        if allocation is None and not status.get("allocation"):
            raise NotAllocated(f'resourceclaim "{metadata["name"]}" is no longer allocated')
        send = partial(self._client.patch, "ResourceClaim", metadata["name"], metadata["namespace"])
        version = metadata["resourceVersion"]
        finalizers = metadata.get("finalizers") or []
        if allocation is not None and FINALIZER not in finalizers:
            guarded = {"resourceVersion": version, "finalizers": [*finalizers, FINALIZER]}
            version = (await send(patch={"metadata": guarded}))["metadata"]["resourceVersion"]
        users = list(status.get("reservedFor") or ())
        if all(user.get("uid") != pod.uid for user in users):
            users.append({"resource": "pods", "name": pod.name, "uid": pod.uid})
        wanted = {"reservedFor": users, **({"allocation": allocation} if allocation is not None else {})}
        written = await send(patch={"metadata": {"resourceVersion": version}, "status": wanted}, subresource="status")
        self._snapshot.devices.wrote(key, revision_of(written))

    # Devices that need time after allocation

    async def _ready(self, reservation: Reservation) -> None:
        while not all(self._is_ready(key, uid) for key, uid, allocation in reservation.claims if _late(allocation)):
            await self._changes.wait()

    def _is_ready(self, key: ClaimKey, uid: str) -> bool:
        claim = self._snapshot.devices.claims.get(key)
        if claim is None or uid_of(claim) != uid:
            raise NotAllocated(f'resourceclaim "{key[1]}" not found')
        status = claim.get("status") or {}
        said = {(d["driver"], d["pool"], d["device"], d.get("shareID")): d for d in status.get("devices") or ()}
        ready = bool(status.get("allocation"))
        for each in _late(status.get("allocation")):
            device = said.get((each["driver"], each["pool"], each["device"], each.get("shareID"))) or {}
            true = {one["type"] for one in device.get("conditions") or () if one.get("status") == "True"}
            if true & set(each.get("bindingFailureConditions") or ()):
                raise NotAllocated("device binding failed")
            ready = ready and true >= set(each["bindingConditions"])
        return ready

    # Taking back

    def forget(self, reservation: Reservation) -> None:
        """What was not written is free again; what was is counted until the cache has seen it."""
        for key, _, allocation in reservation.claims:
            if key not in reservation.begun:
                self._forget(key, allocation)
        if reservation.extended is not None:
            self._forget(made_key(reservation.pod), reservation.extended.allocation)

    def _forget(self, key: ClaimKey, allocation: Obj | None) -> None:
        if allocation is not None and self._snapshot.devices.promises.get(key) is allocation:
            self._snapshot.devices.forget(key)

    async def take_back(self, reservation: Reservation) -> None:
        """The pod does not use the claims after all; an allocation whose devices did not become ready goes, too."""
        for key, uid, allocation in reservation.claims:
            if key in reservation.begun:
                await self._take_back(key, uid, allocation, reservation.pod)
                self._forget(key, allocation)
        if reservation.extended is not None and reservation.extended.name:
            await self._unmake(reservation.extended, reservation.pod)

    async def _unmake(self, made: ExtendedClaim, pod: PodInfo) -> None:
        """Its finalizer goes when nobody uses it."""
        key = (pod.namespace, made.name)
        released = {"status": {"allocation": None, "reservedFor": None}}
        await self._patched(key, released, "merge")
        try:
            await within(DEADLINE, self._client.delete("ResourceClaim", made.name, pod.namespace))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            log.debug("claim not deleted", claim="/".join(key), why=str(failure))
        self._forget(key, made.allocation)

    async def _take_back(self, key: ClaimKey, uid: str, allocation: Obj | None, pod: PodInfo) -> None:
        """Until it is answered, a few times: what was promised holds until the answer is seen."""
        wait = FIRST_WAIT
        for _ in range(TRIES):
            claim = self._snapshot.devices.claims.get(key)
            if claim is None or uid_of(claim) != uid:
                return
            users = [{"$patch": "delete", "uid": pod.uid}]
            status: dict[str, Any] = {"reservedFor": users}
            if _late(allocation) and len((claim.get("status") or {}).get("reservedFor") or ()) <= 1:
                status |= {"allocation": None}
            patch = {"metadata": {"uid": uid}, "status": status}
            if await self._patched(key, patch, "strategic"):
                return
            await sleep(self._chance.jitter(wait))
            wait *= 2

    async def deallocate(self, pod: PodInfo) -> bool:
        """Frees one claim that keeps the pod from nodes and that nobody else uses; False where there is none."""
        for key, claim in self._useless(pod):
            metadata = {"uid": uid_of(claim), "resourceVersion": claim["metadata"]["resourceVersion"]}
            patch = {"metadata": metadata, "status": {"allocation": None, "reservedFor": None}}
            return await self._patched(key, patch, "merge")
        return False

    def _useless(self, pod: PodInfo) -> Iterator[tuple[ClaimKey, Obj]]:
        for key, _ in demands(pod, self._snapshot.devices).selectors:
            claim = self._snapshot.devices.claims[key]
            users = (claim.get("status") or {}).get("reservedFor") or ()
            if key not in self._snapshot.devices.promises and all(user.get("uid") == pod.uid for user in users):
                yield key, claim

    def can_deallocate(self, pod: PodInfo) -> bool:
        return uses_claims(pod.obj) and next(self._useless(pod), None) is not None

    async def _patched(self, key: ClaimKey, patch: Obj, form: str) -> bool:
        """False where it is to be tried again."""
        send = partial(self._client.patch, "ResourceClaim", key[1], key[0], type=form, subresource="status")
        try:
            written = await within(DEADLINE, send(patch=patch))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            log.debug("claim not freed", claim="/".join(key), why=str(failure))
            return isinstance(failure, ApiError) and failure.reason in ("NotFound", "Conflict")
        self._snapshot.devices.wrote(key, revision_of(written))
        return True


def _late(allocation: Obj | None) -> list[Any]:
    """The devices of an allocation that need time."""
    results = ((allocation or {}).get("devices") or {}).get("results") or ()
    return [each for each in results if each.get("bindingConditions")]
