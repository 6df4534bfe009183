"""Where the servers behind a Service listen: one of the ready endpoints of its EndpointSlices, chosen by chance.

The API server goes to endpoints directly, as upstream's with ``--enable-aggregator-routing``: it need not be on a
machine that has the Service network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from podo.api import registry
from podo.api.kind import Obj
from podo.apiserver.calling.failures import CannotCall
from podo.apiserver.calling.target import ServiceReference
from podo.runtime.chance import Chance
from podo.storage.contract import Store

SERVICE_NAME = "kubernetes.io/service-name"

Address = tuple[str, int]


async def resolve(store: Store, chance: Chance, service: ServiceReference) -> Address:
    """Host and port. Raises CannotCall where there is no such Service, port or endpoint."""
    record = await store.get(registry.named("Service").key(service.namespace, service.name))
    if record is None:
        raise CannotCall(f'service "{service.name}" not found')
    spec = orjson.loads(record.value).get("spec") or {}
    if spec.get("type") == "ExternalName":
        return str(spec["externalName"]), service.port
    port = port_of(spec, service)
    found = addresses(await slices_of(store, service), port.get("name") or "")
    if not found:
        raise CannotCall(f'no endpoints available for service "{service.name}"')
    return found[chance.below(len(found))]


def port_of(spec: Obj, service: ServiceReference) -> dict[str, Any]:
    """The port of the Service that is meant. Raises CannotCall."""
    for port in spec.get("ports") or ():
        if port.get("port") == service.port:
            return dict(port)
    raise CannotCall(f'no service port {service.port} found for service "{service.name}"')


async def slices_of(store: Store, service: ServiceReference) -> list[Obj]:
    """The EndpointSlices of a Service: only those whose bytes name it are decoded."""
    kind = registry.named("EndpointSlice")
    page = await store.range(f"{kind.prefix}{service.namespace}/")
    mark = f'"{SERVICE_NAME}":"{service.name}"'.encode()
    return [orjson.loads(record.value) for record in page.records if mark in record.value]


def addresses(slices: Iterable[Obj], port_name: str) -> list[Address]:
    """Where the ready endpoints listen for the Service port of that name."""
    found: list[Address] = []
    for piece in slices:
        numbers = [port.get("port") for port in piece.get("ports") or () if (port.get("name") or "") == port_name]
        ready = [one for one in piece.get("endpoints") or () if (one.get("conditions") or {}).get("ready") is not False]
        found += [(one["addresses"][0], number) for number in numbers if number for one in ready if one["addresses"]]
    return found
