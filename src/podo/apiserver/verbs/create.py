"""create: names, defaults, admission, rules, allocation, one write."""

from __future__ import annotations

from podo.api import meta
from podo.api.errors import ApiError, already_exists, not_generated, version_set
from podo.api.kind import Obj
from podo.apiserver import stamping, stored, validation
from podo.apiserver.admitting import admit, validate
from podo.apiserver.allocating import allocates, reserve
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.clusterips import writing as clusterips
from podo.apiserver.fieldmanagement import tracking
from podo.apiserver.fieldmanagement.tracking import OfNew
from podo.storage.contract import NEW, KeyExists, Record, Write

#: How often a name is generated before the client is told that it is taken.
NAME_ATTEMPTS = 8


async def create(backend: Backend, call: Call, obj: Obj, manage: OfNew = tracking.created) -> Written:
    """Store ``obj``, which becomes the server's own. ``manage`` settles who owns its fields.

    Raises AlreadyExists, Invalid, and what admission refuses.
    """
    kind, now = call.kind, backend.clock.now()
    stamping.match_namespace(call, obj)
    stamping.drop_repeated_owners(call, obj["metadata"], stamping.REPEATED_OWNERS)
    kind.fill_in(obj)
    version = obj["metadata"].get("resourceVersion")
    generated = stamping.stamp_new(obj, now, backend.chance)
    manage(call, obj, now)
    call.name = obj["metadata"].get("name") or ""
    if kind.custom is not None:
        validation.tell_of_finalizers(call, obj, None)
    mine = obj["metadata"]
    if await admit(backend, call, "CREATE", obj, None):
        _keep_identity(call, obj, mine)
    _begin(call, obj)
    with reserve(backend, call, obj, None) as reservation:
        if kind.long_rules:
            await validation.at_length(validation.check_new, kind, obj)
        else:
            validation.check_new(kind, obj)
        if kind.warnings is not None:
            call.warnings.extend(kind.warnings(obj, None))
        await validate(backend, call, "CREATE", obj, None)
        if call.dry_run:
            return await _rehearse(backend, call, obj)
        if version and stamping.is_version(version):
            raise version_set()
        record = await _insert(backend, call, obj, generated)
        reservation.commit()
    return Written(record.value, 201)


def _keep_identity(call: Call, obj: Obj, before: Obj) -> None:
    """A webhook may name the object otherwise, but not put it elsewhere nor say what only the server knows."""
    stamping.match_namespace(call, obj)
    found = obj["metadata"]
    for name in ("uid", "creationTimestamp"):
        found[name] = before[name]
    call.name = found.get("name") or ""
    stamping.drop_repeated_owners(call, found, stamping.REPEATED_BY_ADMISSION)


def _begin(call: Call, obj: Obj) -> None:
    """The server's part of a new object: no status yet, generation 1, what the kind sets itself."""
    kind = call.kind
    if kind.has_status and not kind.status_on_create:
        if kind.custom is None:
            obj["status"] = {}
        else:
            obj.pop("status", None)
    if kind.generation:
        obj["metadata"]["generation"] = 1
    if told := kind.prepare(obj, None):
        call.warnings.extend(told)


async def _rehearse(backend: Backend, call: Call, obj: Obj) -> Written:
    if await backend.store.get(call.kind.key(call.namespace, call.name)) is not None:
        raise await _taken(backend, call, obj)
    return Written(stored.dump(call.kind, obj), 201)


async def _insert(backend: Backend, call: Call, obj: Obj, generated: bool) -> Record:
    kind = call.kind
    for attempt in range(NAME_ATTEMPTS):
        try:
            record = await _store(backend, call, obj)
        except KeyExists:
            if not generated or attempt == NAME_ATTEMPTS - 1:
                break
            found = obj["metadata"]
            found["name"] = call.name = stamping.generated_name(found["generateName"], backend.chance)
            kind.prepare(obj, None)  # what is made from the name (a Namespace's label)
        else:
            stored.share(kind, record.value, record.revision, obj)
            return record
    raise await _taken(backend, call, obj)


async def _store(backend: Backend, call: Call, obj: Obj) -> Record:
    key, value = call.kind.key(call.namespace, call.name), stored.dump(call.kind, obj)
    if not allocates(call.kind):
        return await backend.store.create(key, value)
    if await backend.store.get(key) is not None:  # nearly always said before anything is made
        raise KeyExists(key)
    return await clusterips.create(backend, obj, Write(key, value, NEW))


async def _taken(backend: Backend, call: Call, obj: Obj) -> ApiError:
    """There is another object of the name. Told apart: one that is about to go, and a name that was generated."""
    refusal = (not_generated if obj["metadata"].get("generateName") else already_exists)(call.kind, call.name)
    record = await backend.store.get(call.key)
    if record is not None and meta.is_deleting(stored.shared(call.kind, record.value)):
        refusal.message = f"object is being deleted: {refusal.message}"
    return refusal
