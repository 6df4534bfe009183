"""Repairs what does not fit between Services and IPAddresses: a cluster IP has one IPAddress, and one that the API
server made for a Service belongs to a Service that has the address (KEP-1880).

Writes leave nothing to repair; people do who change IPAddresses, and clusters of a podo that had none of them. Nothing
is written because the cache is late: what a step rests on is asked of the API itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.kinds.core.service_address_rules import cluster_ips
from podo.api.kinds.networking.ipaddress import is_allocated, labels_of_allocated, of_service, service_of
from podo.api.kinds.networking.servicecidr import holds
from podo.api.meta import labels_of, name_of, namespace_of
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, EnsureAbsent, EnsureUnchanged, Tell
from podo.reconcile.declare import Key, Later, View, controller
from podo.values import net, timestamp

#: As long as a request may take: an IPAddress may be there before its Service is.
GRACE_SECONDS = 60.0
#: After an IPAddress has gone its Service is looked at; most go together.
_PAUSE_SECONDS = 1.0


def _without_good_address(address: Obj, view: View) -> Iterator[Key | Later]:
    service, there = _owner(address, view), view.get("IPAddress", name_of(address))
    if service is not None and (there is None or not _is_labelled(there)):
        yield Later(Key(namespace_of(service), name_of(service)), _PAUSE_SECONDS)


def _in_range_now(cidr: Obj, view: View) -> Iterator[Key]:
    for service in view.list("Service"):
        if any(view.get("IPAddress", one) is None and holds(cidr, one) for one in cluster_ips(service)):
            yield Key(namespace_of(service), name_of(service))


@controller(
    reconciles="Service",
    watches={"IPAddress": _without_good_address, "ServiceCIDR": _in_range_now},
    name="clusteriprepair",
)
def services(key: Key, view: View) -> Iterator[Action]:
    service = view.get("Service", key.name, key.namespace)
    if service is None:
        return
    for address in cluster_ips(service):
        yield from _repaired(service, address, view)


def _repaired(service: Obj, address: str, view: View) -> Iterator[Action]:
    named = f"[{net.family(address)}]: {address}"
    about = f"{named} for Service {namespace_of(service)}/{name_of(service)}"
    there = view.get("IPAddress", address)
    if not any(holds(each, address) for each in view.list("ServiceCIDR")):
        why = f"Cluster IP {named} is not within any configured Service CIDR; please recreate service"
        yield Tell(service, "ClusterIPOutOfRange", why, "Warning")
    elif there is None:
        yield from _made(service, address, f"Cluster IP {named} is not allocated; repairing")
    elif service_of(there) != (namespace_of(service), name_of(service)):
        owner = _owner(there, view)
        if owner is None or address not in cluster_ips(owner):
            yield EnsureUnchanged(service)
            yield Delete(there)
            yield from _made(service, address, f"the ClusterIP {about} has a wrong reference; repairing")
        else:
            twice = f"Cluster IP {named.replace(' ', '')} was assigned to multiple services; please recreate service"
            yield Tell(service, "ClusterIPAlreadyAllocated", twice, "Warning")
    elif not _is_labelled(there):
        yield Delete(there)
        yield from _made(service, address)


def _made(service: Obj, address: str, why: str = "") -> Iterator[Action]:
    yield EnsureUnchanged(service)
    yield Create(of_service(address, namespace_of(service), name_of(service)))
    if why:
        yield Tell(service, "ClusterIPNotAllocated", why, "Warning")


def _is_labelled(address: Obj) -> bool:
    return labels_of_allocated(name_of(address)).items() <= labels_of(address).items()


def _owner(address: Obj, view: View) -> Obj | None:
    service = service_of(address)
    return view.get("Service", service[1], service[0]) if service is not None else None


@controller(reconciles="IPAddress", reads=("Service",), minds=is_allocated, name="ipaddressrepair")
def addresses(key: Key, view: View) -> Iterator[Action]:
    address = view.get("IPAddress", key.name)
    if address is None or not is_allocated(address):
        return
    place = service_of(address)
    if place is None:
        why = f"IPAddress {key.name} appears to have been modified, not referencing a Service {_shown(address)}"
        yield from _cleaned(address, "IPAddressNotAllocated", f"{why}: cleaning up")
        return
    namespace, name = place
    service = view.get("Service", name, namespace)
    about = f"IPAddress: {key.name} for Service {namespace}/{name}"
    if service is None:
        age = view.now - timestamp.parse(address["metadata"]["creationTimestamp"])
        if age < GRACE_SECONDS:
            yield CheckAgain(GRACE_SECONDS - age)
            return
        yield EnsureAbsent("Service", namespace, name)
        yield from _cleaned(address, "IPAddressNotAllocated", f"{about} appears to have leaked: cleaning up")
    elif key.name not in cluster_ips(service):
        yield EnsureUnchanged(service)
        yield from _cleaned(address, "IPAddressWrongReference", f"{about} has a wrong reference; cleaning up")


def _cleaned(address: Obj, reason: str, why: str) -> Iterator[Action]:
    yield Delete(address)
    yield Tell(address, reason, why, "Warning")


def _shown(address: Obj) -> str:
    """As upstream's texts have it."""
    parent = (address.get("spec") or {}).get("parentRef") or {}
    parts = ",".join(f"{name.title()}:{parent.get(name) or ''}" for name in ("group", "resource", "namespace", "name"))
    return f"&ParentReference{{{parts},}}"
