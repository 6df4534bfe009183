"""What a namespace holds of a kind that plug-ins ask for at every write: nothing nearly always, else a few objects."""

from __future__ import annotations

from functools import lru_cache

import orjson

from podo.api.kind import Kind, Obj
from podo.storage.contract import Store


async def objects_in(store: Store, kind: Kind, namespace: str) -> list[Obj]:
    """The namespace's objects of ``kind``, by name; not to be changed. A namespace without any costs a look-up."""
    prefix = f"{kind.prefix}{namespace}/"
    if not store.count(kind.prefix) or not store.count(prefix):
        return []
    return [_decoded(record.value) for record in (await store.range(prefix)).records]


@lru_cache(1024)
def _decoded(value: bytes) -> Obj:
    """The same few objects are looked at by every write of their namespace."""
    found: Obj = orjson.loads(value)
    return found
