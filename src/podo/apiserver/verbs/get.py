"""get: one object, as its stored bytes."""

from __future__ import annotations

from podo.api.errors import not_found
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.storage.contract import Record


async def get(backend: Backend, call: Call) -> Record:
    """Raises NotFound."""
    record = await backend.store.get(call.kind.key(call.namespace, call.name))
    if record is None:
        raise not_found(call.kind, call.name)
    return record
