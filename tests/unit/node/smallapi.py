"""A small API in memory, enough for one node: create, get, list, watch, merge of status patches, delete with grace.

The agent's tests against the real API server are in tests/scenarios and tests/live; these here want only the node's
own work.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

from podo.api.errors import ApiError
from podo.client.contract import Event, ObjectList

Obj = dict[str, Any]


class SmallApi:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Obj] = {}
        self.revision = 0
        self.watchers: list[tuple[str, asyncio.Queue[Event]]] = []
        self.writes: list[tuple[str, str, Any]] = []
        self.changed = asyncio.Event()

    def _key(self, kind: str, namespace: str, name: str) -> tuple[str, str, str]:
        return kind, namespace, name

    def _stamp(self, obj: Obj, type: str) -> Obj:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        for kind, queue in self.watchers:
            if kind == obj["kind"]:
                queue.put_nowait(Event(type, copy.deepcopy(obj)))
        self.changed.set()
        return copy.deepcopy(obj)

    async def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        try:
            return copy.deepcopy(self.objects[kind, namespace, name])
        except KeyError:
            raise ApiError("NotFound", f"{kind} {name} not found") from None

    async def list(self, kind: str, namespace: str = "", **_: Any) -> ObjectList:
        items = [copy.deepcopy(o) for (k, n, _), o in self.objects.items() if k == kind and namespace in ("", n)]
        return ObjectList(items, self.revision)

    async def watch(self, kind: str, namespace: str = "", **_: Any) -> AsyncIterator[list[Event]]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self.watchers.append((kind, queue))
        while True:
            yield [await queue.get()]

    async def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        obj = copy.deepcopy(obj)
        metadata = obj["metadata"]
        key = self._key(obj["kind"], metadata.get("namespace", ""), metadata["name"])
        if key in self.objects:
            raise ApiError("AlreadyExists", f"{key} already exists")
        metadata.setdefault("uid", f"uid-{metadata['name']}-{self.revision}")
        self.objects[key] = obj
        self.writes.append(("create", obj["kind"], obj))
        return self._stamp(obj, "ADDED")

    async def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        metadata = obj["metadata"]
        key = self._key(obj["kind"], metadata.get("namespace", ""), metadata["name"])
        if key not in self.objects:
            raise ApiError("NotFound", f"{key} not found")
        self.objects[key] = copy.deepcopy(obj)
        return self._stamp(self.objects[key], "MODIFIED")

    async def patch(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        patch: Any,
        type: str = "merge",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Obj:
        stored = self.objects.get((kind, namespace, name))
        if stored is None:
            raise ApiError("NotFound", f"{kind} {name} not found")
        uid = (patch.get("metadata") or {}).get("uid")
        if uid and uid != stored["metadata"]["uid"]:
            raise ApiError("Conflict", "another uid")
        status = stored.setdefault("status", {})
        for key, value in (patch.get("status") or {}).items():
            if key == "conditions":
                known = {c["type"]: c for c in status.get("conditions", ())}
                value = list((known | {c["type"]: c for c in value}).values())
            elif key in ("podIPs", "hostIPs"):
                value = [entry for entry in value if "$patch" not in entry]
            status[key] = copy.deepcopy(value)
        self.writes.append(("patch", kind, patch))
        return self._stamp(stored, "MODIFIED")

    async def delete(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "",
        grace_seconds: int | None = None,
        uid: str = "",
        revision: int | None = None,
        dry_run: bool = False,
    ) -> Obj:
        stored = self.objects.get((kind, namespace, name))
        if stored is None:
            raise ApiError("NotFound", f"{kind} {name} not found")
        if uid and uid != stored["metadata"]["uid"]:
            raise ApiError("Conflict", "another uid")
        if kind == "Pod" and grace_seconds != 0:
            stored["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:30Z"
            stored["metadata"]["deletionGracePeriodSeconds"] = 30 if grace_seconds is None else grace_seconds
            return self._stamp(stored, "MODIFIED")
        del self.objects[kind, namespace, name]
        return self._stamp(stored, "DELETED")

    async def delete_collection(self, kind: str, namespace: str = "", *, labels: str = "", fields: str = "") -> None:
        raise NotImplementedError

    async def until(self, true: Any, seconds: float = 5.0) -> None:
        """Wait until a condition on the objects holds."""
        async with asyncio.timeout(seconds):
            while not true():
                self.changed.clear()
                await self.changed.wait()
