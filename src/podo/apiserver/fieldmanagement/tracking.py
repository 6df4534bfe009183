"""Following creates, updates and patches: what one changes belongs to its manager from then on, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import orjson

from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.apiserver import shape
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import entries, versions
from podo.apiserver.fieldmanagement.entries import UPDATE, EntryError, Managed, Manager, Share
from podo.values import timestamp
from podo.values.fields import LEAF, Fields, deep_difference, difference, union
from podo.values.fields.compare import Changes, changes
from podo.values.fields.layout import Struct


def layout(kind: Kind) -> Struct:
    return shape.layout(kind)


@lru_cache(maxsize=512)
def ignored(kind: Kind, subresource: str) -> Fields:
    """What a write to the resource or to its status cannot set, and so cannot own."""
    if subresource == "status":
        others = (name for name in shape.fields(kind) if name not in ("status", "metadata"))
        return {**{f"f:{name}": LEAF for name in others}, "f:metadata": {"f:ownerReferences": LEAF}}
    return {"f:status": LEAF} if kind.has_status and not subresource else {}


@lru_cache(maxsize=16)
def second(now: int) -> str:
    return timestamp.time(now)


#: Larger objects are not remembered, in bytes.
_LARGEST = 8192
#: Settles ``managedFields`` of a new object in place: (call, object, now).
OfNew = Callable[[Call, Obj, float], None]
#: Likewise of a changed one: (call, new, old, now).
OfChanged = Callable[[Call, Obj, Obj, float], None]


def created(call: Call, obj: Obj, now: float) -> None:
    """All that a new object has belongs to who made it; entries the client sent with it are kept."""
    found = obj["metadata"]
    sent = found.pop("managedFields", None)
    try:
        managed = entries.read_checked(sent) if sent else {}
    except EntryError:
        managed = {}
    entries.write(found, taken(call, managed, obj, now, call.manager))


def taken(call: Call, managed: Managed, obj: Obj, now: float, name: str) -> Managed:
    """``managed`` after ``name`` has made ``obj`` out of nothing."""
    written = deep_difference(_fields_of_new(call.kind, obj), ignored(call.kind, call.subresource))
    return _moved(call, managed, written, LEAF, now, name)


def _fields_of_new(kind: Kind, obj: Obj) -> Fields:
    """Every field of a new object. Those made from one template are alike but for their metadata: what one has found
    out holds for all.
    """
    blank, layout = shape.blank(kind), shape.layout(kind)
    encoded = orjson.dumps({name: value for name, value in obj.items() if name != "metadata"})
    if len(encoded) > _LARGEST:
        return changes(blank, obj, layout)[0]
    return union(_fields_of_encoded(kind, encoded), _fields_of_metadata(kind, obj["metadata"]))


@lru_cache(maxsize=256)
def _fields_of_encoded(kind: Kind, encoded: bytes) -> Fields:
    return changes(shape.blank(kind), orjson.loads(encoded), shape.layout(kind))[0]


#: The fields of metadata by kind and shape; thrown away when there are too many.
_by_shape: dict[tuple[Any, ...], Fields] = {}
_SHAPES = 4096


def _fields_of_metadata(kind: Kind, metadata: Obj) -> Fields:
    """Likewise: which fields metadata has is a matter of its shape, which the objects of one template share."""
    known = (kind, *_shape(metadata))
    found = _by_shape.get(known)
    if found is None:
        found = changes(shape.blank(kind), {"metadata": metadata}, shape.layout(kind))[0]
        if len(_by_shape) >= _SHAPES:
            _by_shape.clear()
        _by_shape[known] = found
    return found


def _shape(metadata: Obj) -> Iterator[Any]:
    """The names in metadata, those of labels and annotations, and lists whole."""
    for name, value in metadata.items():
        yield name
        if value.__class__ is dict:
            yield tuple(value)
        elif value.__class__ is list:
            yield orjson.dumps(value)


def updated(call: Call, new: Obj, old: Obj, now: float) -> None:
    """What ``new`` has changed belongs to who changed it. Objects that nobody has owned fields of stay so."""
    found = new["metadata"]
    sent, before = found.get("managedFields"), old["metadata"].get("managedFields")
    managed = _sent_or_stored(call, sent, before, old)
    if not managed:
        found.pop("managedFields", None)
        return
    written, removed = changes(old, new, layout(call.kind))
    if written or removed:
        managed = _in_their_versions(call, managed, new, old)
        entries.write(found, entries.capped(_moved(call, managed, written, removed, now, call.manager)))
    elif sent != before:
        entries.write(found, managed)
        keep_times(found, before)


def kept(call: Call, new: Obj, old: Obj, now: float) -> None:
    """For writes that have settled themselves who owns what, or that nobody comes to own anything by."""


def kept_new(call: Call, obj: Obj, now: float) -> None:
    """Likewise for a new object."""


def keep_times(found: dict[str, Any], before: Any) -> None:
    """If only the times of entries differ, they do not."""
    if before and entries.without_times(found.get("managedFields")) == entries.without_times(before):
        found["managedFields"] = before


def _sent_or_stored(call: Call, sent: Any, before: Any, old: Obj) -> Managed:
    """A client may rewrite the entries by the resource itself; what it does not understand or send is kept."""
    if sent is not None and sent != before and not call.subresource:
        if entries.is_reset(sent):
            return {}
        try:
            if managed := entries.read_checked(sent):
                return managed
        except EntryError:
            pass  # as upstream: the write goes on with the stored entries
    return entries.read(old["metadata"])


def _in_their_versions(call: Call, managed: Managed, new: Obj, old: Obj) -> Managed:
    """What is owned in other versions than the call's, without what the write changes of it there."""
    version = call.kind.api_version
    if all(share.version == version for share in managed.values()):
        return managed
    found: Managed = {}
    known: dict[str, Changes | None] = {version: (LEAF, LEAF)}
    for other, share in managed.items():
        if share.version not in known:
            known[share.version] = _changed_in(call, old, new, share.version)
        changed = known[share.version]
        if changed is not None:
            left = difference(difference(share.fields, changed[0]), changed[1])
            found[other] = share._replace(fields=left)
    return found


def _changed_in(call: Call, old: Obj, new: Obj, version: str) -> Changes | None:
    """Where no webhook tells what has changed, owners stay: that a write succeeds does not hang on other versions."""
    try:
        return versions.changes_in(call, old, new, version)
    except ApiError:
        return LEAF, LEAF


def _moved(call: Call, managed: Managed, written: Fields, removed: Fields, now: float, name: str) -> Managed:
    """``managed`` after the fields ``written`` went to ``name`` and those ``removed`` to nobody."""
    found: Managed = {}
    version = call.kind.api_version
    manager = Manager(name, UPDATE, version, call.subresource)
    for other, share in managed.items():
        left = share.fields
        if share.version == version:
            if other != manager:
                left = difference(left, written)
            left = difference(left, removed)
        if left:
            found[other] = share if left is share.fields else share._replace(fields=left)
    if written:
        mine = found.get(manager)
        fields = union(mine.fields, written) if mine else written
        found[manager] = Share(version, fields, second(int(now)))
    return found
