"""Between stored bytes and objects, also for a kind that is stored in another's form (events.k8s.io and core)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

from podo.api.encoding import encode
from podo.api.kind import Kind, Obj
from podo.storage.contract import Record, Store


def load(kind: Kind, value: bytes) -> Obj:
    """The object in stored bytes, in the form of ``kind``; the caller's own to change."""
    obj: Obj = orjson.loads(value)
    return kind.from_stored(obj) if kind.from_stored else obj


#: Objects that are shared are remembered while readers take them: more than one turn of the store brings.
_SHARED = 512
#: Larger ones are decoded by each reader, in bytes.
_LARGEST = 16 * 1024


_shared: OrderedDict[tuple[Kind, bytes], Obj] = OrderedDict()


def shared(kind: Kind, value: bytes) -> Obj:
    """As ``load``, but one object for all readers in this process: nobody may change it."""
    if len(value) > _LARGEST:
        return load(kind, value)
    found = _shared.get((kind, value))
    if found is None:
        found = load(kind, value)
        _remember(kind, value, found)
    return found


def share(kind: Kind, value: bytes, revision: int, obj: Obj) -> None:
    """``value`` was made of ``obj`` and stamped with ``revision``: readers need not decode it. From here on nobody may
    change ``obj``. Of kinds that are stored in another's form or converted, the bytes are not what was written."""
    if kind.to_stored is None and kind.custom is None and len(value) <= _LARGEST:
        obj["metadata"]["resourceVersion"] = str(revision)
        _remember(kind, value, obj)


def _remember(kind: Kind, value: bytes, obj: Obj) -> None:
    _shared[kind, value] = obj
    if len(_shared) > _SHARED:
        _shared.popitem(last=False)


def dump(kind: Kind, obj: Obj) -> bytes:
    """The bytes to store: no resourceVersion in them."""
    return encode(kind.to_stored(obj) if kind.to_stored else obj)


async def is_current(store: Store, kind: Kind, record: Record, obj: Obj) -> bool:
    """Is what is stored of ``obj`` what would be stored now, in version, schema and key? Where it is not, a write that
    changes nothing is carried out all the same."""
    if kind.custom is not None and kind.from_stored is not None:
        kept = kind.to_stored(obj) if kind.to_stored else obj
        if kept != orjson.loads(record.value):
            return False
    return not await store.is_outdated(record.key)


def presented(kind: Kind, value: bytes) -> bytes:
    """Stored bytes in the form of ``kind``: the bytes themselves for nearly every kind."""
    return orjson.dumps(load(kind, value)) if kind.from_stored else value


def copy(value: Any) -> Any:
    """A deep copy of JSON data (a third of what copy.deepcopy costs)."""
    return orjson.loads(orjson.dumps(value))
