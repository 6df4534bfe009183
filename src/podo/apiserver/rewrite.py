"""Read, modify, write: the loop under update, patch and the subresources that change an object.

A change is worked out against what is stored and written on the condition that it is still stored; if another write
came between, an unconditional change is worked out again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from podo.api.encoding import stamp
from podo.api.errors import conflict, not_found
from podo.api.kind import Kind, Obj
from podo.apiserver import stamping, stored, untouched, validation
from podo.apiserver.admitting import admit, asks_others_to_change, validate
from podo.apiserver.allocating import allocates, reserve
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.clusterips import writing as clusterips
from podo.apiserver.scopes import STATUS, Scope
from podo.storage.contract import KeyNotFound, Record, RevisionMismatch, Write

#: How often an unconditional change is worked out again before the client is told of the conflict.
ATTEMPTS = 10

T = TypeVar("T")
#: Gives the wanted object for the stored one, which it may change; called once an attempt.
Produce = Callable[[Obj], Obj]


async def rewrite(
    backend: Backend, call: Call, produce: Produce, scope: Scope, expected: int = 0, *, copied: bool = True
) -> Written:
    """Change one stored object. ``expected``: the revision it must be at (0: any). ``copied``: False if ``produce``
    does not change what it is given.

    Raises NotFound, Conflict, Invalid, and what admission refuses.
    """
    for _ in range(ATTEMPTS):
        record = await backend.store.get(call.key)
        if record is None:
            raise not_found(call.kind, call.name)
        if expected and record.revision != expected:
            break
        written = await _attempt(backend, call, produce, scope, record, copied)
        if written is not None:
            return written
    raise conflict(call.kind, call.name, stamping.CHANGED)


async def _attempt(
    backend: Backend, call: Call, produce: Produce, scope: Scope, record: Record, copied: bool
) -> Written | None:
    """None if another write came between."""
    kind = call.kind
    old = _stored(backend, kind, record)
    given = stored.load(kind, record.value) if copied else old
    new = await _at_their_ease(backend, call, produce, given) if backend.convert else produce(given)
    _check_version(call, new, old, record)
    stamping.keep_server_fields(new, old)
    scope.merge(new, old)
    if scope.is_main or kind.custom is not None:
        kind.fill_in(new)
    rest = _take_over(backend, scope, kind, new, old, record)
    if kind.custom is not None:
        validation.tell_of_finalizers(call, new, old)
    if backend.convert:
        await _at_their_ease(backend, call, scope.manage, call, new, old, backend.clock.now())
    else:
        scope.manage(call, new, old, backend.clock.now())
    await _admit(backend, call, scope, new, old)
    stamping.drop_repeated_owners(call, new["metadata"], stamping.REPEATED_BY_ADMISSION)
    with reserve(backend, call, new, old) as reservation:
        await _judge(backend, call, scope, new, old)
        if new == old and await stored.is_current(backend.store, kind, record, new):
            return Written(stored.presented(kind, record.value))
        try:
            written = await _commit(backend, call, new, old, record, rest)
        except RevisionMismatch:
            return None
        except KeyNotFound:
            raise not_found(kind, call.name) from None
        if not call.dry_run:
            reservation.commit()
    return written


async def _judge(backend: Backend, call: Call, scope: Scope, new: Obj, old: Obj) -> None:
    """Once admission has completed it: what the kind itself does with a change, and whether it may be stored."""
    kind = call.kind
    if scope.is_main:
        kind.prepare(new, old)
    elif scope is STATUS:
        kind.prepare_status(new, old)
    if scope.is_wanted:
        stamping.raise_generation(kind, new, old)
    if kind.long_rules:
        await validation.at_length(scope.check, kind, new, old)
    else:
        scope.check(kind, new, old)
    if (warnings := scope.warnings(kind)) is not None:
        call.warnings.extend(warnings(new, old))
    await _validate(backend, call, scope, new, old)


async def _at_their_ease(backend: Backend, call: Call, work: Callable[..., T], *about: Any) -> T:
    """``work(*about)``, which may ask the webhook for objects in other versions (``call.convert``)."""
    from podo.runtime.slices import in_slices, wait_for

    ask = backend.convert
    assert ask is not None

    def convert(obj: Obj, version: str) -> Obj:
        (made,) = wait_for(ask([obj], version))
        return made

    call.convert = convert
    return await in_slices(partial(work, *about))


def _stored(backend: Backend, kind: Kind, record: Record) -> Obj:
    """The object as it is: one that readers share, as it is only looked at. But ``new`` takes over parts of it, and
    defaults of a custom kind and what others answer to admission are put in wherever they belong."""
    if kind.custom is not None or asks_others_to_change(backend):
        return stored.load(kind, record.value)
    return stored.shared(kind, record.value)


def _take_over(backend: Backend, scope: Scope, kind: Kind, new: Obj, old: Obj, record: Record) -> bytes:
    """As ``untouched.take_over``, where the object is stored as it is and nobody changes it in place from here on."""
    is_whole = scope.is_main and kind.to_stored is None and kind.custom is None
    if not is_whole or allocates(kind) or asks_others_to_change(backend):
        return b""
    return untouched.take_over(new, old, record.value)


async def _admit(backend: Backend, call: Call, scope: Scope, new: Obj, old: Obj) -> None:
    if scope.admission is None:
        changed = await admit(backend, call, "UPDATE", new, old)
    else:
        body = scope.admission.show(new)
        if body is None:
            return
        changed = await admit(backend, call, "UPDATE", body, scope.admission.show(old))
        if changed:
            scope.admission.take(new, body)
    if changed:  # webhooks change no more than the client could have
        stamping.keep_server_fields(new, old)
        scope.merge(new, old)


async def _validate(backend: Backend, call: Call, scope: Scope, new: Obj, old: Obj) -> None:
    if scope.admission is None:
        await validate(backend, call, "UPDATE", new, old)
    elif (body := scope.admission.show(new)) is not None:
        await validate(backend, call, "UPDATE", body, scope.admission.show(old))


def _check_version(call: Call, new: Obj, old: Obj, record: Record) -> None:
    """A client that names a version or a uid means that one only. Raises Conflict, and Invalid where it must name a
    version."""
    found = new["metadata"]
    revision = found.get("resourceVersion") or "0"
    if revision == "0" and call.kind.conditional:
        raise stamping.version_required(call)
    if revision != "0" and revision != str(record.revision):
        raise conflict(call.kind, call.name, stamping.CHANGED)
    uid = found.get("uid")
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(call.kind, call.name, why)


async def _commit(backend: Backend, call: Call, new: Obj, old: Obj, record: Record, rest: bytes) -> Written:
    kind = call.kind
    finished = is_finished(kind, new, old)
    value = (rest and untouched.dump(new, old, rest)) or stored.dump(kind, new)
    if call.dry_run:
        return Written(stored.presented(kind, stamp(value, record.revision)))
    if not finished:
        if allocates(kind):
            done = await clusterips.update(backend, new, old, Write(record.key, value, record.revision))
        else:
            done = await backend.store.update(record.key, value, expected=record.revision)
        stored.share(kind, done.value, done.revision, new)
        return Written(stored.presented(kind, done.value))
    await remove(backend, kind, record, old)
    return Written(stored.presented(kind, stamp(value, record.revision)))


async def remove(backend: Backend, kind: Kind, record: Record, old: Obj) -> None:
    """Take ``old`` out of the store, with all that only it had. Raises KeyNotFound, RevisionMismatch."""
    if not allocates(kind):
        await backend.store.delete(record.key, expected=record.revision)
        return
    await clusterips.update(backend, old, old, Write(record.key, None, record.revision))
    backend.allocator.release(old)


def is_finished(kind: Kind, new: Obj, old: Obj) -> bool:
    """Is this the write that removes the last thing a deleted object waited for?"""
    found = new["metadata"]
    if "deletionTimestamp" not in found or found.get("finalizers"):
        return False
    if kind.plural == "namespaces" and kind.group == "" and (new.get("spec") or {}).get("finalizers"):
        return False
    return not old["metadata"].get("deletionGracePeriodSeconds")
