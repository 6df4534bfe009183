"""Has the claims of a pod bound that wait for it: free volumes are reserved, provisioners are told the node; then the
pod waits until its claims have their volumes."""

from __future__ import annotations

import asyncio
from functools import partial

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import annotations_of, revision_of, uid_of
from podo.client.contract import Client, Unreachable
from podo.runtime.tasks import within
from podo.scheduler.requests import DEADLINE
from podo.scheduler.snapshot import Snapshot
from podo.scheduler.storage import SELECTED_NODE, ClaimKey, Promise, is_bound, key_of
from podo.scheduler.volumeplan import Plan

_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"


class NotBound(Exception):
    """A claim did not get its volume; the message is for the pod's event."""


class VolumeBinder:
    def __init__(self, client: Client, snapshot: Snapshot) -> None:
        self._client = client
        self._snapshot = snapshot
        self._changes = asyncio.Event()
        self._selected: dict[ClaimKey, int] = {}  # the revision at which a claim was told its node

    def changed(self) -> None:
        """Something about storage has changed: those who wait look again."""
        self._changes.set()
        self._changes = asyncio.Event()

    def promise(self, plan: Plan) -> None:
        """From here on other pods get other volumes."""
        self._snapshot.storage.promises.update(plan.promises)

    def forget(self, plan: Plan) -> None:
        promises = self._snapshot.storage.promises
        for key, promise in plan.promises.items():
            self._selected.pop(key, None)
            if promises.get(key) == promise:
                del promises[key]

    async def carry_out(self, plan: Plan, patience: float) -> None:
        """``patience``: seconds that it may take until the volumes are bound. Raises NotBound."""
        try:
            for key, promise in plan.promises.items():
                await within(DEADLINE, self._write(key, promise))
            await within(patience, self._bound(plan))
        except (ApiError, Unreachable, OSError) as failure:
            raise NotBound(str(failure)) from failure
        except TimeoutError as failure:
            raise NotBound("context deadline exceeded") from failure

    async def _write(self, key: ClaimKey, promise: Promise) -> None:
        storage = self._snapshot.storage
        claim = storage.claim(key)
        if claim is None:
            raise NotBound(f'persistentvolumeclaim "{key[1]}" not found')
        if is_bound(claim):
            return
        if not promise.volume:
            if annotations_of(claim).get(SELECTED_NODE) != promise.node_name:
                await self._select(claim, promise.node_name)
        elif (volume := storage.volume(promise.volume)) is not None:
            await self._reserve(volume, claim)
        else:
            raise NotBound(f'persistentvolume "{promise.volume}" not found')

    async def _select(self, claim: Obj, node_name: str) -> None:
        metadata = {"annotations": {SELECTED_NODE: node_name}, **_version(claim)}
        found = claim["metadata"]
        send = partial(self._client.patch, "PersistentVolumeClaim", found["name"], found["namespace"])
        self._selected[key_of(claim)] = revision_of(await send(patch={"metadata": metadata}))

    async def _reserve(self, volume: Obj, claim: Obj) -> None:
        if (reference := (volume.get("spec") or {}).get("claimRef")) and reference.get("uid") == uid_of(claim):
            return
        found = claim["metadata"]
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            **{field: found[field] for field in ("name", "namespace", "uid", "resourceVersion")},
        }
        metadata = {"annotations": {_BY_CONTROLLER: "yes"}, **_version(volume)}
        patch = {"metadata": metadata, "spec": {"claimRef": reference}}
        await self._client.patch("PersistentVolume", volume["metadata"]["name"], patch=patch)

    async def _bound(self, plan: Plan) -> None:
        while not all(self._is_bound(key, promise) for key, promise in plan.promises.items()):
            await self._changes.wait()

    def _is_bound(self, key: ClaimKey, promise: Promise) -> bool:
        claim = self._snapshot.storage.claim(key)
        if claim is None:
            raise NotBound(f'persistentvolumeclaim "{key[1]}" not found')
        if is_bound(claim):
            return True
        taken_back = not promise.volume and SELECTED_NODE not in annotations_of(claim)
        if taken_back and revision_of(claim) > self._selected.get(key, revision_of(claim)):
            raise NotBound(f'provisioning for persistentvolumeclaim "{key[1]}" failed on the selected node')
        return False


def _version(obj: Obj) -> dict[str, str]:
    return {"resourceVersion": obj["metadata"]["resourceVersion"]}
