"""A Service and the IPAddress objects of its cluster IPs, written in one step: both are stored, or neither is, and
whoever sees one sees the other.

Where an IPAddress is not as it should be (taken away by hand, or never made: by a podo that had none), the Service is
written all the same, and ``controllers/clusteriprepair`` sees to it.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.kinds.core.service_address_rules import cluster_ips
from podo.api.kinds.networking.ipaddress import IPADDRESS, of_service, service_of
from podo.api.meta import name_of, namespace_of
from podo.apiserver import deletion, stamping, stored
from podo.apiserver.allocation import taken_already
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import tracking
from podo.storage.contract import NEW, KeyExists, KeyNotFound, Record, RevisionMismatch, Write

#: Who the fields of these objects belong to.
MANAGER = "kube-apiserver"
#: How often a write is tried again when somebody changes an IPAddress in between.
ATTEMPTS = 5


async def create(backend: Backend, service: Obj, write: Write) -> Record:
    """Raises KeyExists for the Service, Invalid for an address that another has taken meanwhile."""
    made = [_made(backend, address, service) for address in cluster_ips(service)]
    return await _write(backend, made, [], write, service)


async def update(backend: Backend, new: Obj, old: Obj, write: Write) -> Record:
    """``write`` changes or deletes the Service. Raises what the store does for it, Invalid for an address that another
    has taken meanwhile."""
    kept = cluster_ips(new) if write.value is not None else ()
    before = cluster_ips(old)
    made = [_made(backend, address, new) for address in kept if address not in before]
    gone = [address for address in before if address not in kept]
    for _ in range(ATTEMPTS):
        freed = [freed for address in gone if (freed := await _freed(backend, address, old)) is not None]
        try:
            return await _write(backend, made, freed, write, new)
        except (KeyNotFound, RevisionMismatch) as refusal:
            if refusal.key == write.key:
                raise
    return await _write(backend, made, [], write, new)


async def _write(backend: Backend, made: list[Obj], freed: list[Write], write: Write, service: Obj) -> Record:
    """The IPAddress comes before its Service, and goes after it."""
    if not made and not freed:
        (record,) = await backend.store.write_all([write])
        return record
    writes = [Write(IPADDRESS.key("", name_of(obj)), stored.dump(IPADDRESS, obj), NEW) for obj in made]
    try:
        records = await backend.store.write_all([*writes, write, *freed])
    except KeyExists as refusal:
        if refusal.key == write.key:
            raise
        raise taken_already(service, refusal.key.rpartition("/")[2]) from None
    for obj, record in zip(made, records, strict=False):
        stored.share(IPADDRESS, record.value, record.revision, obj)
    return records[len(made)]


def _made(backend: Backend, address: str, service: Obj) -> Obj:
    now = backend.clock.now()
    obj = of_service(address, namespace_of(service), name_of(service))
    stamping.stamp_new(obj, now, backend.chance)
    tracking.created(Call("create", IPADDRESS, name=address, manager=MANAGER), obj, now)
    return obj


async def _freed(backend: Backend, address: str, service: Obj) -> Write | None:
    """Somebody's finalizer keeps an IPAddress as it keeps any object."""
    record = await backend.store.get(IPADDRESS.key("", address))
    if record is None:
        return None
    obj = stored.load(IPADDRESS, record.value)
    if service_of(obj) != (namespace_of(service), name_of(service)):
        return None
    wanted = deletion.begin(IPADDRESS, obj, None, "", backend.clock.now())
    return Write(record.key, None if wanted.remove else stored.dump(IPADDRESS, wanted.obj), record.revision)
