"""An API server with the controllers that custom kinds need, and the definition that most tests start from."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any

from podo.client.cache import Cache
from podo.client.customsources import CustomSources
from podo.client.events import EventRecorder
from podo.controllers import customresourcedefinition, garbagecollector, namespace
from podo.reconcile.runner import Runner
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.runtime.tasks import sleep
from tests.unit.apiserver.world import World

Obj = dict[str, Any]

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRONTABS = "/apis/stable.example.com/v1/namespaces/default/crontabs"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"

SPEC_SCHEMA: Obj = {
    "type": "object",
    "properties": {
        "cronSpec": {"type": "string"},
        "image": {"type": "string", "default": "cron:1"},
        "replicas": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
    },
}


def definition(spec: Obj | None = None, *, schema: Obj | None = None, **more: Any) -> Obj:
    """``crontabs.stable.example.com``. ``schema``: of the whole; ``spec``: of its spec; ``more``: of the version."""
    whole = schema or {
        "type": "object",
        "properties": {"spec": copy.deepcopy(spec or SPEC_SCHEMA), "status": {"type": "object", "properties": {}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}, **more}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "crontabs.stable.example.com"},
        "spec": {
            "group": "stable.example.com",
            "scope": "Namespaced",
            "names": {"plural": "crontabs", "kind": "CronTab", "shortNames": ["ct"], "categories": ["all"]},
            "versions": [version],
        },
    }


def crontab(name: str, version: str = "v1", **fields: Any) -> Obj:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": f"stable.example.com/{version}", "kind": "CronTab", "metadata": metadata, **fields}


class Extended(World):
    """A World in which definitions are established; with ``owners``, owners are followed and namespaces emptied."""

    def __init__(self, *, owners: bool = False) -> None:
        super().__init__()
        self._owners = owners

    async def start(self) -> Extended:
        await super().start()
        clock, chance = SystemClock(), Chance(2)
        self.cache = Cache(self.client, (), clock=clock, chance=chance, checked=True)
        CustomSources(self.cache)
        wanted = [customresourcedefinition.reconcile]
        if self._owners:
            wanted += [garbagecollector.reconcile, namespace.reconcile]
        recorder = EventRecorder(self.client, clock, chance, component="test")
        self.runner = Runner(wanted, self.client, self.cache, clock, chance, recorder)
        await self.cache.start()
        await self.runner.start()
        return self

    async def stop(self) -> None:
        await self.runner.stop()
        await self.cache.stop()
        assert self.runner.bugs == []
        self.cache.check()

    async def define(self, obj: Obj) -> Obj:
        """Create a definition and wait until its kind is served."""
        status, made = await self.ask("POST", f"{DEFINITIONS}?fieldValidation=Strict", obj)
        assert status == 201, made
        return await self.established(made["metadata"]["name"])

    async def established(self, name: str) -> Obj:
        return await self.until_condition(name, "Established", "True")

    async def until_condition(self, name: str, kind: str, status: str) -> Obj:
        async def look() -> Obj | None:
            _, found = await self.ask("GET", f"{DEFINITIONS}/{name}")
            conditions = (found.get("status") or {}).get("conditions") or []
            held = any(one["type"] == kind and one["status"] == status for one in conditions)
            return found if held else None

        return await self.until(look)

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """What ``look`` gives once that is something; the test's own deadline ends the wait."""
        while not (found := await look()):
            await sleep(0.002)
        return found

    async def gone(self, path: str) -> None:
        async def look() -> bool:
            return (await self.ask("GET", path))[0] == 404

        await self.until(look)


def extended(
    test: Callable[[Extended], Awaitable[None]], *, owners: bool = False, on: Callable[[Any], Any] = asyncio.run
) -> None:
    """Run a test's coroutine in a fresh world, a minute at most. ``on``: the loop to run it on."""

    async def run() -> None:
        world = await Extended(owners=owners).start()
        try:
            async with asyncio.timeout(60):
                await test(world)
        finally:
            await world.stop()

    on(run())
