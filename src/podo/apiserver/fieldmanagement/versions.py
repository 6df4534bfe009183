"""Fields that are owned in another version than that of the write: what the write changes of them is looked at in their
version. Owners in versions that nobody serves any more are forgotten.

Source: KEP-555 ("Versioning"); "Field management" of the Server-Side Apply documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from podo.api import registry
from podo.api.kind import Kind, Obj
from podo.apiserver import shape, stored
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement.entries import Managed, Manager
from podo.values.fields import EMPTY, Fields, deep_difference, difference, intersection, union
from podo.values.fields.compare import Changes, changes, fields_of
from podo.values.fields.layout import Struct
from podo.values.patch.apply import Applied, Conflicts, check, merge, remove, with_structs

#: An object in some version, and how it divides into fields there.
Form = tuple[Obj, Struct]


def changes_in(call: Call, old: Obj, new: Obj, version: str) -> Changes | None:
    """(written, removed) in the terms of ``version``; None where that is served no more."""
    before, after = form(call, old, version), form(call, new, version)
    return None if before is None or after is None else changes(before[0], after[0], after[1])


def form(call: Call, obj: Obj, version: str) -> Form | None:
    """An object of one of the kind's versions in another; None where that is served no more."""
    kind = call.kind if version == call.kind.api_version else _kind_in(call.kind, version)
    if kind is None:
        return None
    return _converted(call, obj, kind), shape.layout(kind)


def _kind_in(kind: Kind, version: str) -> Kind | None:
    if kind.custom is not None:
        return next((one for one in kind.versions if one.api_version == version), None)
    return _built_in(kind, version)


@lru_cache(maxsize=256)
def _built_in(kind: Kind, version: str) -> Kind | None:
    try:
        found = registry.of({"apiVersion": version, "kind": kind.kind})
    except registry.UnknownKind:
        return None
    return found if found.prefix == kind.prefix else None


def _converted(call: Call, obj: Obj, kind: Kind) -> Obj:
    if obj["apiVersion"] == kind.api_version:
        return obj
    if kind.custom is not None:
        return call.convert(obj, kind.api_version) if call.convert else {**obj, "apiVersion": kind.api_version}
    now = registry.of(obj)
    made = stored.copy(obj)
    made = now.to_stored(made) if now.to_stored else made
    return kind.from_stored(made) if kind.from_stored else made


# -- apply -----------------------------------------------------------------------------------------------------------


def are_mixed(call: Call, managed: Managed) -> bool:
    """Is anything owned in another version than the call's?"""
    version = call.kind.api_version
    return any(share.version != version for share in managed.values())


def apply(
    call: Call, live: Obj, config: Obj, managed: Managed, manager: Manager, *, force: bool, ignored: Fields
) -> Applied[Manager]:
    """As ``podo.values.patch.apply.apply`` for what is owned in several versions. Raises likewise."""
    layout = shape.layout(call.kind)
    live = {"apiVersion": call.kind.api_version, "kind": call.kind.kind, **live}
    check(config, layout)
    wanted = deep_difference(fields_of(config, layout), ignored)
    new = _pruned(call, merge(live, config, layout), managed, manager, wanted)
    owned: dict[Manager, Fields] = {}
    conflicts: dict[Manager, Fields] = {}
    known: dict[str, Changes | None] = {}
    for other, share in managed.items():
        if other == manager:
            continue
        if share.version not in known:
            known[share.version] = changes_in(call, live, new, share.version)
        difference_ = known[share.version]
        if difference_ is None:
            continue
        written, removed = (deep_difference(one, ignored) for one in difference_)
        if common := intersection(share.fields, written):
            conflicts[other] = common
        if left := difference(difference(share.fields, written), removed):
            owned[other] = left
    if conflicts and not force:
        raise Conflicts(conflicts)
    return Applied(new, {**owned, manager: wanted} if wanted else owned)


def _pruned(call: Call, merged: Obj, managed: Managed, manager: Manager, wanted: Fields) -> Obj:
    """``merged`` without what the manager owned by its last apply and nobody owns any more, in whatever version."""
    last, version = managed.get(manager), call.kind.api_version
    if last is None or not last.fields or (last.version == version and not difference(last.fields, wanted)):
        return merged
    found = form(call, merged, last.version)
    if found is None:
        return merged
    whole, layout = found
    left: Obj = _restored(remove(whole, with_structs(last.fields, layout), layout), whole)
    for each, fields in _by_version(managed, manager, wanted, version, last.version):
        left = _with_owned(call, merged, left, each, fields)
    missing = _missing(whole, _converted_to(call, left, last.version), layout)
    gone = intersection(missing, with_structs(last.fields, layout))
    if not gone:
        return merged
    return _converted_to(call, _restored(remove(whole, gone, layout), whole), version)


def _by_version(
    managed: Managed, manager: Manager, wanted: Fields, version: str, first: str
) -> Iterable[tuple[str, Fields]]:
    """What is owned in each version after the apply, ``first`` first: what it has may be needed to convert."""
    found: dict[str, Fields] = {first: EMPTY, version: wanted} if first != version else {version: wanted}
    for other, share in managed.items():
        if other != manager:
            found[share.version] = union(found.get(share.version, EMPTY), share.fields)
    return found.items()


def _with_owned(call: Call, merged: Obj, left: Obj, version: str, fields: Fields) -> Obj:
    """``left`` with what of ``merged`` somebody owns in ``version``."""
    all_of, some = form(call, merged, version), form(call, left, version)
    if all_of is None or some is None or not fields:
        return left
    whole, layout = all_of
    gone = difference(_missing(whole, some[0], layout), with_structs(fields, layout))
    return _restored(remove(whole, gone, layout), whole)


def _missing(whole: Obj, left: Obj, layout: Struct) -> Fields:
    """The fields of ``whole`` that ``left`` has not, or not as they are: conversion may put defaults in their place."""
    other, gone = changes(whole, left, layout)
    return union(other, gone)


def _converted_to(call: Call, obj: Obj, version: str) -> Obj:
    found = form(call, obj, version)
    return obj if found is None else found[0]


def _restored(left: Any, whole: Obj) -> Obj:
    """An object, whatever has been taken out of it, with what says which it is."""
    metadata = (left or {}).get("metadata") or {}
    own = {name: whole["metadata"][name] for name in ("name", "namespace", "uid") if name in whole["metadata"]}
    told = {name: whole[name] for name in ("apiVersion", "kind") if name in whole}
    return {**(left or {}), **told, "metadata": {**metadata, **own}}
