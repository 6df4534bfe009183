"""Extended resources that device classes stand for: a container asks for ``example.com/gpu`` in its resources, and gets
devices of the class that has this name, where its node has no such resource of its own.

Source: "Extended resource allocation by DRA" of the Kubernetes documentation; KEP-5004.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, owner_reference
from podo.scheduler.devices.asking import ClaimAsk, read
from podo.scheduler.noderows import NodeInfo, amount_of

#: Before the name of a class: a resource that always means the class.
PREFIX = "deviceclass.resource.kubernetes.io/"
ANNOTATION = "resource.kubernetes.io/extended-resource-claim"


def classes_by_resource(classes: Mapping[str, Obj]) -> dict[str, str]:
    """By extended resource the name of its class: of several the newest, then the first by name."""
    found = {f"{PREFIX}{name}": name for name in classes}
    newest = sorted(classes, reverse=True)
    for name in sorted(newest, key=lambda each: classes[each]["metadata"].get("creationTimestamp") or ""):
        if resource := (classes[name].get("spec") or {}).get("extendedResourceName"):
            found[resource] = name
    return found


def mappings(pod: Obj, by_resource: Mapping[str, str]) -> Iterator[tuple[dict[str, str], int]]:
    """For each container and resource of a class, which request is made for it, and how many devices."""
    containers = (*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ()))
    for index, container in enumerate(containers):
        requests = (container.get("resources") or {}).get("requests") or {}
        named = sorted(name for name in requests if name in by_resource)
        for number, resource in enumerate(named):
            request = f"container-{index}-request-{number}"
            count = amount_of(resource, requests[resource])
            if count > 0:
                yield {"containerName": container["name"], "resourceName": resource, "requestName": request}, count


def claim_for(pod: Obj, by_resource: Mapping[str, str]) -> Obj | None:
    """The claim that is made for the pod, with all that it may need; None where it needs none."""
    asked: list[dict[str, Any]] = []
    for mapping, count in mappings(pod, by_resource):
        wanted = {"deviceClassName": by_resource[mapping["resourceName"]], "allocationMode": "ExactCount"}
        asked.append({"name": mapping["requestName"], "exactly": {**wanted, "count": count}})
    if not asked:
        return None
    metadata = {
        "generateName": f"{name_of(pod)}-extended-resources-",
        "namespace": namespace_of(pod),
        "annotations": {ANNOTATION: "true"},
        "ownerReferences": [owner_reference(pod)],
    }
    spec = {"devices": {"requests": asked}}
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": metadata, "spec": spec}


def ask_for(pod: Obj, claim: Obj, by_resource: Mapping[str, str], classes: Mapping[str, Obj]) -> ClaimAsk:
    """Raises CannotAllocate."""
    named = {**claim, "metadata": {**claim["metadata"], "name": "<extended-resources>"}}
    resources = tuple(mapping["resourceName"] for mapping, _ in mappings(pod, by_resource))
    return replace(read(named, classes), resources=resources)


def on_node(claim: ClaimAsk, node: NodeInfo) -> ClaimAsk:
    """Without the requests for resources that the node has itself."""
    if not claim.resources:
        return claim
    pairs = zip(claim.requests, claim.resources, strict=True)
    return replace(claim, requests=tuple(each for each, name in pairs if not node.allocatable.get(name)), resources=())


def only(claim: Obj, names: frozenset[str]) -> Obj:
    """The claim with these requests alone."""
    requests = [each for each in claim["spec"]["devices"]["requests"] if each["name"] in names]
    return {**claim, "spec": {"devices": {"requests": requests}}}
