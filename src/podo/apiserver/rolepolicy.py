"""The default roles and bindings in the store: written at the first start, completed at every other."""

from __future__ import annotations

import asyncio

from podo.api import registry
from podo.api.kind import Obj
from podo.apiserver import stamping, stored
from podo.apiserver.backend import Backend
from podo.authz.rbac.authorizer import PREFIX
from podo.authz.rbac.policy import policy
from podo.authz.rbac.reconcile import reconciled
from podo.storage.contract import KeyExists, KeyNotFound, Record, RevisionMismatch


async def ensure_policy(backend: Backend) -> None:
    """Straight into the store: nobody can be authorized before, and a store commits them all together."""
    page = await backend.store.range(PREFIX)
    there = {record.key: record for record in page.records}
    work = [_ensure(backend, wanted, there) for wanted in policy()]
    await asyncio.gather(*work)


async def _ensure(backend: Backend, wanted: Obj, there: dict[str, Record]) -> None:
    kind = registry.of(wanted)
    key = kind.key(wanted["metadata"].get("namespace", ""), wanted["metadata"]["name"])
    record = there.get(key)
    try:
        if record is None:
            await _create(backend, key, wanted)
            return
        present = stored.load(kind, record.value)
        if wanted.get("roleRef") and present.get("roleRef") != wanted["roleRef"]:
            await backend.store.delete(key, expected=record.revision)  # a binding's role cannot be changed
            await _create(backend, key, wanted)
        elif (new := reconciled(present, wanted)) is not None:
            await backend.store.update(key, stored.dump(kind, new), expected=record.revision)
    except (KeyExists, KeyNotFound, RevisionMismatch):
        return  # somebody else's newer write stays; the next start looks again


async def _create(backend: Backend, key: str, wanted: Obj) -> None:
    obj = {**wanted, "metadata": dict(wanted["metadata"])}
    stamping.stamp_new(obj, backend.clock.now(), backend.chance)
    await backend.store.create(key, stored.dump(registry.of(obj), obj))
