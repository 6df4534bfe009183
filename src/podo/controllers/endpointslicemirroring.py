"""EndpointSlice mirroring: Endpoints that somebody writes by hand for a Service without a selector, as slices.

Source: the documentation's "EndpointSlices", section "Mirroring".
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of, owner_reference
from podo.controllers import slicepacking
from podo.controllers.endpointslice import MANAGED_LABEL, SERVICE_LABEL, key_of
from podo.reconcile.actions import Action, Create, Delete, Tell, Update
from podo.reconcile.declare import Key, View, controller

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"
#: Not copied: what only the Endpoints' own controller means.
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
_OWN_ANNOTATIONS = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)
#: The most addresses of a subset that are mirrored, into one slice (--mirroring-max-endpoints-per-subset).
MOST_IN_SUBSET = 1000
Endpoint = dict[str, Any]
#: Endpoints by their address type and their ports, as ``key_of`` writes these.
Wanted = dict[tuple[str, str], list[Endpoint]]


def _its_endpoints(service: Obj, view: View) -> Iterator[Key]:
    yield Key(namespace_of(service), name_of(service))


@controller(reconciles="Endpoints", owns=("EndpointSlice",), watches={"Service": _its_endpoints})
def reconcile(key: Key, view: View) -> Iterator[Action]:
    present = view.selected("EndpointSlice", key.namespace, {SERVICE_LABEL: key.name, MANAGED_LABEL: MANAGER})
    present = [each for each in present if not is_deleting(each)]
    endpoints = view.get("Endpoints", key.name, key.namespace)
    service = view.get("Service", key.name, key.namespace)
    if endpoints is None or service is None or not is_mirrored(endpoints, service):
        for each in present:
            yield Delete(each)
        return
    if skipped := _skipped(endpoints):
        text = f"A max of {MOST_IN_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset."
        yield Tell(endpoints, "TooManyAddressesToMirror", f"{text} {skipped} addresses were skipped", "Warning")
    wanted = _wanted(endpoints)
    names = iter(view.names(f"{key.name}-", ()))
    groups = {*wanted, *((each["addressType"], key_of(each.get("ports") or [])) for each in present)}
    for group in sorted(groups):
        same = [each for each in present if (each["addressType"], key_of(each.get("ports") or [])) == group]
        yield from _group(endpoints, group, wanted.get(group, []), same, names)


def is_mirrored(endpoints: Obj, service: Obj) -> bool:
    """Are these Endpoints that nobody but a person keeps?"""
    return (
        not service["spec"].get("selector")
        and labels_of(endpoints).get(SKIP_LABEL) != "true"
        and LEADER_ANNOTATION not in annotations_of(endpoints)
        and not is_deleting(endpoints)
        and not is_deleting(service)
    )


def _skipped(endpoints: Obj) -> int:
    subsets = endpoints.get("subsets") or ()
    sizes = (len(subset.get("addresses") or ()) + len(subset.get("notReadyAddresses") or ()) for subset in subsets)
    return sum(max(0, size - MOST_IN_SUBSET) for size in sizes)


def _group(
    endpoints: Obj, group: tuple[str, str], wanted: list[Endpoint], present: list[Obj], names: Iterator[str]
) -> Iterator[Action]:
    """What must change of the slices of one address type and one set of ports."""
    family, ports = group
    filled = slicepacking.pack(wanted, [each.get("endpoints") or [] for each in present], MOST_IN_SUBSET)
    for number, packed in enumerate(filled):
        there = present[number] if number < len(present) else None
        if there is None:
            yield Create(_slice(endpoints, family, json.loads(ports), packed, next(names)))
        elif not packed:
            yield Delete(there)
        else:
            made = _slice(endpoints, family, json.loads(ports), packed, name_of(there))
            if _content(made) != _content(there):
                yield Update({**made, "metadata": {**there["metadata"], **made["metadata"]}})


def _content(piece: Obj) -> tuple[Any, ...]:
    return piece.get("endpoints") or [], labels_of(piece), annotations_of(piece)


def _wanted(endpoints: Obj) -> Wanted:
    found: Wanted = {}
    for subset in endpoints.get("subsets") or ():
        ports = key_of([_port(port) for port in subset.get("ports") or ()])
        addresses = [(address, True) for address in subset.get("addresses") or ()]
        addresses += [(address, False) for address in subset.get("notReadyAddresses") or ()]
        for address, ready in addresses[:MOST_IN_SUBSET]:
            family = "IPv6" if ipaddress.ip_address(address["ip"]).version == 6 else "IPv4"
            found.setdefault((family, ports), []).append(_endpoint(address, ready))
    return found


def _port(port: Obj) -> Obj:
    """An EndpointPort of a slice always has a name, of an Endpoints only where there are several."""
    return {"name": "", "protocol": "TCP"} | port


def _endpoint(address: Obj, ready: bool) -> Endpoint:
    copied = {field: address[field] for field in ("hostname", "nodeName", "targetRef") if address.get(field)}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **copied}


def _slice(endpoints: Obj, family: str, ports: list[Obj], packed: list[Endpoint], name: str) -> Obj:
    annotations = {key: text for key, text in annotations_of(endpoints).items() if key not in _OWN_ANNOTATIONS}
    metadata: Obj = {
        "name": name,
        "generateName": f"{name_of(endpoints)}-",
        "namespace": namespace_of(endpoints),
        "labels": {**labels_of(endpoints), SERVICE_LABEL: name_of(endpoints), MANAGED_LABEL: MANAGER},
        "ownerReferences": [owner_reference(endpoints)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        "ports": ports,
        "endpoints": packed,
    }
