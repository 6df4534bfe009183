"""What a write leaves as it is: an update that changes the metadata only, as most of those that people and controllers
send, is known by its bytes to have everything else as stored.

The stored parts are then taken over. Nobody need compare, nor keep, two that are alike, and what is stored is put
together of the new metadata and the bytes there are.
"""

from __future__ import annotations

from operator import is_

import orjson

from podo.api.encoding import encode
from podo.api.kind import Obj

_HEAD = frozenset(("apiVersion", "kind", "metadata"))


def take_over(new: Obj, old: Obj, value: bytes) -> bytes:
    """``value``: the bytes of ``old``. If all behind the metadata is the same in ``new``, to the byte, ``new`` is given
    the parts of ``old``, which nobody may change; the answer is their bytes, for ``dump``. Otherwise b""."""
    rest = _rest(new)
    if not rest or len(rest) + len(_HEAD) != len(old):
        return b""
    try:
        encoded = b"}," + orjson.dumps(rest)[1:]
    except TypeError:  # too deep, or not JSON: refused where it is to be stored
        return b""
    # A quote within a text has a backslash before it, so what matches begins behind a member; behind the metadata, as
    # there are as many members, and the stored form has that third.
    if not value.endswith(encoded):
        return b""
    for name in rest:
        new[name] = old[name]
    return encoded


def dump(new: Obj, old: Obj, encoded: bytes) -> bytes | None:
    """The stored form of ``new``, as ``encode`` makes it, by what ``take_over`` has answered. None if something else
    has come between."""
    rest, before = _rest(new), _rest(old)
    if list(rest) != list(before) or not all(map(is_, rest.values(), before.values())):
        return None
    head = {"apiVersion": new["apiVersion"], "kind": new["kind"], "metadata": new["metadata"]}
    return encode(head)[:-2] + encoded


def _rest(obj: Obj) -> Obj:
    return {name: value for name, value in obj.items() if name not in _HEAD}
