"""A small API of plain dicts with a log: watches lag, requests are lost as a test asks. For the frame's tests."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from podo.api import registry
from podo.api.errors import ApiError, already_exists, conflict, not_found
from podo.api.kind import Obj
from podo.client.contract import Event, ObjectList, Unreachable


class FakeApi:
    """``lag``: seconds by which watches are late. ``before`` may raise in front of a write, ``after`` behind it."""

    over_network = True

    def __init__(self, lag: float = 0.0) -> None:
        self.lag = lag
        self.objects: dict[tuple[str, str, str], Obj] = {}
        self.log: list[tuple[float, str, Event]] = []
        self.requests: list[tuple[str, str, str]] = []  # all writes asked for; ``writes``: those carried out
        self.writes: list[tuple[str, str, str]] = []
        self.revision = 0
        self.oldest = 0
        self.changed = asyncio.Event()
        self.before = self.after = lambda verb, kind, name: None
        self.lists = 0

    def _commit(self, type: str, kind: str, obj: Obj) -> Obj:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        self.log.append((asyncio.get_running_loop().time(), kind, Event(type, copy.deepcopy(obj))))
        self.changed.set()
        self.changed = asyncio.Event()
        return copy.deepcopy(obj)

    async def _write(self, verb: str, kind: str, name: str, act: Any) -> Obj:
        await asyncio.sleep(0.001)
        self.requests.append((verb, kind, name))
        self.before(verb, kind, name)
        answer: Obj = act()
        self.writes.append((verb, kind, name))
        self.after(verb, kind, name)
        return answer

    async def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        obj = self.objects.get((kind, namespace, name))
        if obj is None:
            raise not_found(registry.named(kind), name)
        return copy.deepcopy(obj)

    async def list(self, kind: str, namespace: str = "", *, fields: str = "", **_: Any) -> ObjectList:
        self.lists += 1
        self.before("list", kind, "")
        name = fields.removeprefix("metadata.name=")
        keys = [key for key in sorted(self.objects) if key[0] == kind and name in ("", key[2])]
        items = [copy.deepcopy(self.objects[key]) for key in keys]
        return ObjectList(items, self.revision)

    async def watch(self, kind: str, namespace: str = "", *, revision: int | None = None, **_: Any) -> Any:
        self.before("watch", kind, "")
        if revision is not None and revision < self.oldest:
            raise ApiError("Expired", f"too old resource version: {revision} ({self.oldest})")
        position = next((i for i, (_, _, e) in enumerate(self.log) if _rev(e) > (revision or 0)), len(self.log))
        while True:
            while position >= len(self.log):
                await self.changed.wait()
            due = self.log[position][0] + self.lag
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            self.before("event", kind, "")
            now = max(due, asyncio.get_running_loop().time())
            batch = []
            last = 0
            while position < len(self.log) and self.log[position][0] + self.lag <= now:
                _, its_kind, event = self.log[position]
                last = _rev(event)
                if its_kind == kind:
                    batch.append(copy.deepcopy(event))
                position += 1
            if not batch or _rev(batch[-1]) < last:
                batch.append(Event("BOOKMARK", {"kind": kind, "metadata": {"resourceVersion": str(last)}}))
            yield batch

    async def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        kind, metadata = obj["kind"], obj["metadata"]

        def act() -> Obj:
            key = (kind, metadata.get("namespace", ""), metadata["name"])
            if key in self.objects:
                raise already_exists(registry.named(kind), metadata["name"])
            new = copy.deepcopy(obj)
            new["metadata"]["uid"] = f"uid-{self.revision + 1}"
            self.objects[key] = new
            return self._commit("ADDED", kind, new)

        return await self._write("create", kind, metadata["name"], act)

    async def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        kind, metadata = obj["kind"], obj["metadata"]

        def act() -> Obj:
            key = (kind, metadata.get("namespace", ""), metadata["name"])
            old = self.objects.get(key)
            if old is None:
                raise not_found(registry.named(kind), metadata["name"])
            if metadata.get("resourceVersion") not in (None, old["metadata"]["resourceVersion"]):
                raise conflict(registry.named(kind), metadata["name"], "the object has been modified")
            new = {**old, "status": obj.get("status")} if subresource == "status" else copy.deepcopy(obj)
            new = copy.deepcopy(new)
            new["metadata"]["uid"] = old["metadata"]["uid"]
            self.objects[key] = new
            return self._commit("MODIFIED", kind, new)

        return await self._write("update", kind, metadata["name"], act)

    async def patch(self, kind: str, name: str, namespace: str = "", *, patch: Any, **_: Any) -> Obj:
        def act() -> Obj:
            old = self.objects.get((kind, namespace, name))
            if old is None:
                raise not_found(registry.named(kind), name)
            old.update(patch)
            return self._commit("MODIFIED", kind, old)

        return await self._write("patch", kind, name, act)

    async def delete(self, kind: str, name: str, namespace: str = "", *, uid: str = "", **_: Any) -> Obj:
        def act() -> Obj:
            old = self.objects.pop((kind, namespace, name), None)
            if old is None:
                raise not_found(registry.named(kind), name)
            self._commit("DELETED", kind, old)
            return {"kind": "Status", "status": "Success", "metadata": {}}

        return await self._write("delete", kind, name, act)

    async def delete_collection(self, kind: str, namespace: str = "", **_: Any) -> None:
        raise NotImplementedError


def _rev(event: Event) -> int:
    return int(event.object["metadata"]["resourceVersion"])


def lost(verb: str, kind: str, name: str) -> None:
    raise Unreachable(f"{verb} {kind} {name}: connection lost")
