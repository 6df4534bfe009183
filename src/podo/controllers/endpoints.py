"""Endpoints: the older form of a Service's pods, one object a Service, kept for clients that do not read
EndpointSlices.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of
from podo.controllers.backends import (
    HEADLESS_LABEL,
    address_in,
    backends_of,
    families_of,
    has_backends,
    hostname_in,
    is_headless,
    ports_for,
    publishes_not_ready,
    services_of,
    target_reference,
)
from podo.controllers.podstate import is_ready
from podo.controllers.triggertime import dated, triggered_at
from podo.reconcile.actions import Action, Create, Delete, Update, rest_after
from podo.reconcile.declare import Among, Key, View, controller

MANAGED_LABEL = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
CAPACITY_ANNOTATION = "endpoints.kubernetes.io/over-capacity"
#: The most addresses in one object; what is above is cut off and the object says so.
CAPACITY = 1000
_BOTH = ("addresses", "notReadyAddresses")
Subset = dict[str, Any]


def _its_service(endpoints: Obj, view: View) -> Iterator[Key]:
    yield Key(namespace_of(endpoints), name_of(endpoints))


@controller(
    reconciles="Service", watches={"Pod": Among("Service", services_of), "Endpoints": _its_service}, name="endpoints"
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    present = view.get("Endpoints", key.name, key.namespace)
    service = view.get("Service", key.name, key.namespace)
    if service is None:
        if present is not None and labels_of(present).get(MANAGED_LABEL) == MANAGER:
            yield Delete(present)
        return
    if is_deleting(service) or not has_backends(service):
        return
    pods = backends_of(service, view)
    subsets, cut = _truncated(_subsets(service, pods))
    wanted = _endpoints(service, present, subsets, cut)
    if present is None:
        yield Create(dated(wanted, triggered_at(service, pods, None)))
    elif _content(present) != _content(wanted):
        yield Update(dated(wanted, triggered_at(service, pods, _published(present))))
    yield from rest_after(len(pods))


def _published(endpoints: Obj) -> dict[str, bool]:
    """Which pods are called ready."""
    return {
        (address.get("targetRef") or {}).get("uid", ""): which == "addresses"
        for subset in endpoints.get("subsets") or ()
        for which in _BOTH
        for address in subset.get(which) or ()
    }


def _content(endpoints: Obj) -> tuple[list[Subset], dict[str, str], dict[str, str]]:
    return endpoints.get("subsets") or [], labels_of(endpoints), annotations_of(endpoints)


def _endpoints(service: Obj, present: Obj | None, subsets: list[Subset], cut: bool) -> Obj:
    labels = {**labels_of(service), MANAGED_LABEL: MANAGER}
    labels.pop(HEADLESS_LABEL, None)
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    annotations = {k: v for k, v in annotations_of(present or {"metadata": {}}).items() if k != CAPACITY_ANNOTATION}
    if cut:
        annotations[CAPACITY_ANNOTATION] = "truncated"
    metadata: dict[str, Any] = {"name": name_of(service), "namespace": namespace_of(service)}
    metadata = {**(present["metadata"] if present is not None else metadata), "labels": labels}
    if annotations or "annotations" in metadata:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}


def _subsets(service: Obj, pods: list[Obj]) -> list[Subset]:
    """Addresses grouped by their ports, both in a fixed order."""
    family = families_of(service)[0]
    is_portless = is_headless(service) and not service["spec"].get("ports")
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for pod in pods:
        address = address_in(pod, family)
        ports = [{k: v for k, v in port.items() if v != ""} for port in ports_for(service, pod)]
        published = publishes_not_ready(service)
        if address is None or (is_deleting(pod) and not published) or not (ports or is_portless):
            continue
        which = "addresses" if published or is_ready(pod) else "notReadyAddresses"
        key = json.dumps(sorted(ports, key=lambda port: (port["port"], port.get("name", ""))))
        groups.setdefault(key, {}).setdefault(which, []).append(_address(service, pod, address))
    subsets = []
    for key, addresses in sorted(groups.items()):
        listed = {which: sorted(found, key=lambda a: a["ip"]) for which, found in sorted(addresses.items())}
        ports = json.loads(key)
        subsets.append({**listed, **({"ports": ports} if ports else {})})
    return subsets


def _address(service: Obj, pod: Obj, ip: str) -> dict[str, Any]:
    address: dict[str, Any] = {"ip": ip}
    if hostname := hostname_in(service, pod):
        address["hostname"] = hostname
    if node := pod["spec"].get("nodeName"):
        address["nodeName"] = node
    return {**address, "targetRef": target_reference(pod)}


def _truncated(subsets: list[Subset]) -> tuple[list[Subset], bool]:
    """At most ``CAPACITY`` addresses, those that are ready first, of each subset its share; and whether any were cut
    off."""
    ready, unready = (sum(len(subset.get(which, ())) for subset in subsets) for which in _BOTH)
    if ready + unready <= CAPACITY:
        return subsets, False
    if ready > CAPACITY:
        shared = _shared(subsets, "addresses", CAPACITY)
        cut = [{key: part for key, part in subset.items() if key != "notReadyAddresses"} for subset in shared]
    else:
        cut = _shared(subsets, "notReadyAddresses", CAPACITY - ready)
    return [subset for subset in cut if any(which in subset for which in _BOTH)], True


def _shared(subsets: list[Subset], which: str, room: int) -> list[Subset]:
    """The subsets with so many addresses of one sort in all, in proportion; rounding costs the last of them."""
    total, left = sum(len(subset.get(which, ())) for subset in subsets), room
    cut = []
    for subset in subsets:
        there = subset.get(which, [])
        kept = there[: min(left, math.ceil(len(there) * room / total))]
        left -= len(kept)
        others = {key: part for key, part in subset.items() if key != which}
        cut.append({**others, which: kept} if kept else others)
    return cut
