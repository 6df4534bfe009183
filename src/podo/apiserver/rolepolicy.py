"""The default roles and bindings in the store: written at the first start, completed at every other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from podo.api import registry
from podo.api.kind import Obj
from podo.apiserver import stamping, stored
from podo.apiserver.backend import Backend
from podo.authz.rbac.authorizer import PREFIX
from podo.authz.rbac.policy import policy
from podo.authz.rbac.reconcile import reconciled
from podo.storage.contract import KeyExists, KeyNotFound, Record, RevisionMismatch

Write = Coroutine[Any, Any, Any]


async def ensure_policy(backend: Backend) -> None:
    """Straight into the store: nobody can be authorized before, and a store commits them all together."""
    page = await backend.store.range(PREFIX)
    there = {record.key: record for record in page.records}
    writes = (_lacking(backend, wanted, there) for wanted in policy())
    await asyncio.gather(*(_unless_newer(write) for write in writes if write is not None))


def _lacking(backend: Backend, wanted: Obj, there: dict[str, Record]) -> Write | None:
    """What must be written; None at nearly every start but the first."""
    kind = registry.of(wanted)
    key = kind.key(wanted["metadata"].get("namespace", ""), wanted["metadata"]["name"])
    record = there.get(key)
    if record is None:
        return _create(backend, key, wanted)
    present = stored.shared(kind, record.value)
    if wanted.get("roleRef") and present.get("roleRef") != wanted["roleRef"]:
        return _replace(backend, record, wanted)
    if (new := reconciled(present, wanted)) is None:
        return None
    return backend.store.update(key, stored.dump(kind, new), expected=record.revision)


async def _unless_newer(write: Write) -> None:
    """Somebody else's newer write stays; the next start looks again."""
    with suppress(KeyExists, KeyNotFound, RevisionMismatch):
        await write


async def _replace(backend: Backend, record: Record, wanted: Obj) -> None:
    """A binding's role cannot be changed."""
    await backend.store.delete(record.key, expected=record.revision)
    await _create(backend, record.key, wanted)


async def _create(backend: Backend, key: str, wanted: Obj) -> None:
    obj = {**wanted, "metadata": dict(wanted["metadata"])}
    stamping.stamp_new(obj, backend.clock.now(), backend.chance)
    await backend.store.create(key, stored.dump(registry.of(obj), obj))
