"""Custom kinds live in the store: on either store, a server that starts anew serves them from its first request on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.contract import Store
from podo.storage.memory import MemoryStore
from podo.storage.sqlite import SqliteStore
from tests.unit.apiserver.extension.definitions import crontab, definition


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return MemoryStore(stamp) if request.param == "memory" else SqliteStore(tmp_path / "podo.db", stamp)


def test_a_server_that_starts_anew_serves_what_is_defined(store: Store) -> None:
    async def test() -> None:
        await store.open()
        first = ApiServer(store, SystemClock(), Chance(1))
        await first.start()
        client = LocalClient(first)
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        made = await client.create(definition())
        names = {"plural": "crontabs", "kind": "CronTab"}
        established = {"type": "Established", "status": "True", "reason": "Test", "message": ""}
        made["status"] |= {"acceptedNames": names, "conditions": [established]}
        await client.update(made, subresource="status")
        await client.create(crontab("a", spec={"replicas": 3}))
        second = ApiServer(store, SystemClock(), Chance(2))
        await second.start()
        found = await LocalClient(second).get("CronTab", "a", "default")
        assert found["spec"]["replicas"] == 3
        other = ApiServer(MemoryStore(stamp), SystemClock(), Chance(3))
        await other.backend.store.open()
        await other.start()
        assert other.backend.kinds.custom == ()  # what is defined in one store is nothing to another
        for server in (first, second, other):
            await server.close()
        await store.close()

    asyncio.run(test())
