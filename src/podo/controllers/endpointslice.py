"""EndpointSlice: the pods behind each Service with a selector, in slices of 100 at most that change seldom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import is_controlled_by, is_deleting, labels_of, name_of, namespace_of, owner_reference
from podo.api.parts.nodelabels import ZONE
from podo.controllers import slicepacking, topologyhints
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
from podo.controllers.zoneshares import shares_of, unbalanced
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, Tell, Update, rest_after
from podo.reconcile.declare import Among, Key, View, controller

SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
#: What ``spec.trafficDistribution`` may prefer (KEP-3015).
_SAME_NODE = "PreferSameNode"
_CLOSE = frozenset({"PreferClose", "PreferSameZone", _SAME_NODE})
#: The most endpoints in a slice (--max-endpoints-per-slice).
LARGEST = 100
#: Seconds after which it is looked whether the node of a pod, which is missing, has come.
NODE_SOON = 5.0
Endpoint = dict[str, Any]
Ports = list[dict[str, Any]]
#: Slices: as they are (None: to be made), their ports as ``key_of`` writes them, the endpoints that they are to have.
Packed = list[tuple[Obj | None, str, list[Endpoint]]]


@controller(
    reconciles="Service",
    owns=("EndpointSlice",),
    watches={"Pod": Among("Service", services_of), "Node": Among("Service", unbalanced)},
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    service = view.get("Service", key.name, key.namespace)
    if service is None or is_deleting(service) or not has_backends(service):
        return
    present = view.selected("EndpointSlice", key.namespace, {SERVICE_LABEL: key.name, MANAGED_LABEL: MANAGER})
    present = [each for each in present if not is_deleting(each)]
    families = families_of(service)
    for each in present:
        if each["addressType"] not in families or not is_controlled_by(each, service):
            yield Delete(each)  # that of a former Service of this name, perhaps
    present = [each for each in present if is_controlled_by(each, service)]
    names = iter(view.names(f"{key.name}-", ()))
    pods = backends_of(service, view)
    placed = [pod for pod in pods if publishes_not_ready(service) or _is_placed(pod, view)]
    if len(placed) < len(pods):
        yield CheckAgain(NODE_SOON)
    changes, news = _decided(service, placed, present, names, view)
    if changes:
        yield from _dated(changes, triggered_at(service, pods, _published(present)))
    yield from news
    yield from rest_after(len(pods))


def _decided(
    service: Obj, pods: list[Obj], present: list[Obj], names: Iterator[str], view: View
) -> tuple[list[Action], list[Tell]]:
    """What must change, and what is to be told of hints for zones."""
    changes: list[Action] = []
    news: list[Tell] = []
    shares = shares_of(view.list("Node")) if topologyhints.is_wanted(service) else None
    for family in families_of(service):
        wanted = _wanted(service, family, pods, view)
        slices = [each for each in present if each["addressType"] == family]
        packed = _packed(wanted, slices, bare=shares is not None)
        if shares is not None:
            packed, refusal = _hinted(packed, shares)
            news += topologyhints.told(service, family, refusal, present)
        changes += _family(service, family, packed, names)
    if changes and shares is None and service["spec"].get("trafficDistribution") not in _CLOSE:
        news += topologyhints.told_of_the_end(service, present)
    return changes, news


def _is_placed(pod: Obj, view: View) -> bool:
    """Is its node there? Where it is not, the pod may not be there any more either."""
    node = pod["spec"].get("nodeName")
    return not node or view.get("Node", node) is not None


def _published(present: list[Obj]) -> dict[str, bool] | None:
    """Which pods the slices call ready; None where there are no slices yet."""
    endpoints = [endpoint for each in present for endpoint in each.get("endpoints") or ()]
    ready = {
        endpoint.get("targetRef", {}).get("uid", ""): endpoint["conditions"].get("serving") for endpoint in endpoints
    }
    return ready if present else None


def _dated(changes: list[Action], moment: str) -> Iterator[Action]:
    for change in changes:
        yield replace(change, obj=dated(change.obj, moment)) if isinstance(change, Create | Update) else change


def _packed(wanted: dict[str, list[Endpoint]], present: list[Obj], *, bare: bool) -> Packed:
    """``wanted``: endpoints by their ports, as ``key_of`` writes these. ``bare``: hints are not compared, and added
    later."""
    packed: Packed = []
    for ports in sorted({*wanted, *(key_of(each.get("ports") or []) for each in present)}):
        same = [each for each in present if key_of(each.get("ports") or []) == ports]
        there = [each.get("endpoints") or [] for each in same]
        there = [topologyhints.without_hints(endpoints) for endpoints in there] if bare else there
        filled = slicepacking.pack(wanted.get(ports, []), there, LARGEST)
        packed += [(same[i] if i < len(same) else None, ports, endpoints) for i, endpoints in enumerate(filled)]
    return packed


def _family(service: Obj, family: str, packed: Packed, names: Iterator[str]) -> Iterator[Action]:
    """What must change for one address family."""
    if not any(endpoints for _, _, endpoints in packed):  # one empty slice says that the Service has no endpoints
        first = next((each for each, _, _ in packed), None)
        packed = [(first, key_of([]), []), *((each, ports, []) for each, ports, _ in packed[1:])]
        kept = 1
    else:
        kept = 0
    for number, (each, ports, endpoints) in enumerate(packed):
        if not endpoints and number >= kept:
            if each is not None:
                yield Delete(each)
        elif each is None:
            yield Create(_slice(service, family, json.loads(ports), endpoints, next(names)))
        elif (changed := _changed(each, service, json.loads(ports), endpoints)) is not None:
            yield Update(changed)


def _hinted(packed: Packed, shares: topologyhints.Shares) -> tuple[Packed, str]:
    """With hints for zones; or without any, and why."""
    pieces = [topologyhints.Piece(endpoints, (each or {}).get("endpoints") or []) for each, _, endpoints in packed]
    found = topologyhints.allot(pieces, shares)
    same = zip(packed, found.endpoints, strict=True)
    return [(each, ports, endpoints) for (each, ports, _), endpoints in same], found.refusal


def key_of(ports: Ports) -> str:
    """Ports as a text that is the same for the same ports."""
    return json.dumps(sorted(ports, key=lambda port: port.get("name") or ""), sort_keys=True)


def _wanted(service: Obj, family: str, pods: list[Obj], view: View) -> dict[str, list[Endpoint]]:
    """The endpoints by their ports: pods may give other numbers to one name."""
    found: dict[str, list[Endpoint]] = {}
    for pod in pods:
        address = address_in(pod, family)
        if address is not None:
            found.setdefault(key_of(ports_for(service, pod)), []).append(_endpoint(service, pod, address, view))
    return found


def _endpoint(service: Obj, pod: Obj, address: str, view: View) -> Endpoint:
    serving, terminating = is_ready(pod), is_deleting(pod)
    ready = publishes_not_ready(service) or (serving and not terminating)
    endpoint: Endpoint = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": target_reference(pod),
    }
    if hostname := hostname_in(service, pod):
        endpoint["hostname"] = hostname
    if node_name := pod["spec"].get("nodeName"):
        endpoint["nodeName"] = node_name
        node = view.get("Node", node_name)
        if node is not None and (zone := labels_of(node).get(ZONE)):
            endpoint["zone"] = zone
    if ready and (hints := _hints(service, endpoint)):
        endpoint["hints"] = hints
    return endpoint


def _hints(service: Obj, endpoint: Endpoint) -> dict[str, Any]:
    """Whose traffic should rather come here: that of its zone, or of its node, as the Service prefers."""
    preference = service["spec"].get("trafficDistribution")
    hints: dict[str, Any] = {}
    if preference not in _CLOSE or topologyhints.is_wanted(service):
        return hints  # those of the annotation depend on all endpoints
    if endpoint.get("zone"):
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if preference == _SAME_NODE and endpoint.get("nodeName"):
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints


def _labels(service: Obj) -> dict[str, str]:
    labels = {**labels_of(service), SERVICE_LABEL: name_of(service), MANAGED_LABEL: MANAGER}
    labels.pop(HEADLESS_LABEL, None)
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    return labels


def _slice(service: Obj, family: str, ports: Ports, endpoints: list[Endpoint], name: str) -> Obj:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "generateName": f"{name_of(service)}-",
            "namespace": namespace_of(service),
            "labels": _labels(service),
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": family,
        "ports": ports,
        "endpoints": endpoints,
    }


def _changed(present: Obj, service: Obj, ports: Ports, endpoints: list[Endpoint]) -> Obj | None:
    """The slice as it should be; None where it is."""
    labels = _labels(service)
    same_ports = key_of(present.get("ports") or []) == key_of(ports)
    if same_ports and (present.get("endpoints") or []) == endpoints and labels_of(present) == labels:
        return None
    metadata = {**present["metadata"], "labels": labels, "ownerReferences": [owner_reference(service)]}
    return {**present, "metadata": metadata, "ports": ports, "endpoints": endpoints}
