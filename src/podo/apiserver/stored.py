"""Between stored bytes and objects, also for a kind that is stored in another's form (events.k8s.io and core)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from podo.api.encoding import encode
from podo.api.kind import Kind, Obj


def load(kind: Kind, value: bytes) -> Obj:
    """The object in stored bytes, in the form of ``kind``; the caller's own to change."""
    obj: Obj = orjson.loads(value)
    return kind.from_stored(obj) if kind.from_stored else obj


#: Objects that are shared are remembered while readers take them: more than one turn of the store brings.
_SHARED = 512
#: Larger ones are decoded by each reader, in bytes.
_LARGEST = 16 * 1024


def shared(kind: Kind, value: bytes) -> Obj:
    """As ``load``, but one object for all readers in this process: nobody may change it."""
    return _shared(kind, value) if len(value) <= _LARGEST else load(kind, value)


@lru_cache(maxsize=_SHARED)
def _shared(kind: Kind, value: bytes) -> Obj:
    return load(kind, value)


def dump(kind: Kind, obj: Obj) -> bytes:
    """The bytes to store: no resourceVersion in them."""
    return encode(kind.to_stored(obj) if kind.to_stored else obj)


def presented(kind: Kind, value: bytes) -> bytes:
    """Stored bytes in the form of ``kind``: the bytes themselves for nearly every kind."""
    return orjson.dumps(load(kind, value)) if kind.from_stored else value


def copy(value: Any) -> Any:
    """A deep copy of JSON data (a third of what copy.deepcopy costs)."""
    return orjson.loads(orjson.dumps(value))
