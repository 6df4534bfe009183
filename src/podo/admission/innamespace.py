"""What a namespace holds of a kind that plug-ins ask for at every write: nothing nearly always, else a few objects."""

from __future__ import annotations

from functools import lru_cache

import orjson

from podo.api.kind import Obj
from podo.storage.contract import Store


async def objects_in(store: Store, prefix: str, namespace: str) -> list[Obj]:
    """The namespace's objects of the kind whose keys begin with ``prefix``, by name; not to be changed. Where there are
    none in the whole cluster it costs a look-up."""
    if not store.count(prefix):
        return []
    own = f"{prefix}{namespace}/"
    if not store.count(own):
        return []
    return [_decoded(record.value) for record in (await store.range(own)).records]


@lru_cache(1024)
def _decoded(value: bytes) -> Obj:
    """The same few objects are looked at by every write of their namespace."""
    found: Obj = orjson.loads(value)
    return found
