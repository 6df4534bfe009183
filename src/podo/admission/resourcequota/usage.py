"""What an object counts for in a quota, and which resource (group, plural) each name in a quota's ``hard`` is about.

Source: "Resource Quotas" of the Kubernetes documentation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.kinds.core.resourcequota import COUNTS
from podo.api.parts.podamounts import Amounts, amounts_of, held_spec, pod_amounts
from podo.values import quantity, timestamp
from podo.values.quantity import Quantity

#: (group, plural) of a resource.
Resource = tuple[str, str]
PODS, SERVICES, CLAIMS = ("", "pods"), ("", "services"), ("", "persistentvolumeclaims")
DEVICE_CLAIMS = ("resource.k8s.io", "resourceclaims")
_ONE = quantity.parse("1")
_NATIVE = ("cpu", "memory", "ephemeral-storage")
_CLASS = ".storageclass.storage.k8s.io/"
_DEVICES = ".deviceclass.resource.k8s.io/devices"
#: What one claim can be given at most: for a request of all there are, which nobody knows before.
_MOST_DEVICES = 32
_TERMINAL = ("Succeeded", "Failed")


@lru_cache(4096)
def resource_of(name: str) -> Resource | None:
    """What a name in ``hard`` counts: ``count/deployments.apps`` is ("apps", "deployments"); None where unknown."""
    if name.startswith("count/"):
        plural, _, group = name[len("count/") :].partition(".")
        return group, plural
    if _CLASS in name or name in ("persistentvolumeclaims", "requests.storage"):
        return CLAIMS
    if name.endswith(_DEVICES):
        return DEVICE_CLAIMS
    if name.startswith("services"):
        return SERVICES
    if name in COUNTS and name != "pods":
        return "", name
    bare = name.removeprefix("requests.").removeprefix("limits.")
    if name == "pods" or bare in _NATIVE or bare.startswith("hugepages-") or (bare != name and "/" in bare):
        return PODS
    return None


def usage(resource: Resource, obj: Obj, now: float) -> Amounts:
    """All that ``obj`` counts for, by the names that quotas use. ``now``: wall time in seconds."""
    group, plural = resource
    found: Amounts = {f"count/{plural}.{group}" if group else f"count/{plural}": _ONE}
    if resource == DEVICE_CLAIMS:
        found.update(_devices((obj.get("spec") or {}).get("devices") or {}))
    if group:
        return found
    if plural == "pods":
        if _counts(obj, now):
            spec = held_spec(obj)
            requests, limits = (pod_amounts(spec, field, overhead=True) for field in ("requests", "limits"))
            found.update(compute(requests, limits))
    elif plural == "services":
        found.update(_service(obj.get("spec") or {}))
    elif plural == "persistentvolumeclaims":
        found.update(_claim(obj))
    elif plural in COUNTS:
        found[plural] = _ONE
    return found


def _counts(pod: Obj, now: float) -> bool:
    """Does the pod use anything: it has not ended, nor should it have by now (its node may be lost)?"""
    if (pod.get("status") or {}).get("phase") in _TERMINAL:
        return False
    found = pod["metadata"]
    end, grace = found.get("deletionTimestamp"), found.get("deletionGracePeriodSeconds")
    return end is None or grace is None or now <= timestamp.parse(end) + grace


def compute(requests: Amounts, limits: Amounts) -> Amounts:
    """The names under which a pod's (or a container's) amounts are counted."""
    found: Amounts = {"pods": _ONE}
    for name, amount in requests.items():
        if name in _NATIVE or name.startswith("hugepages-"):
            found[name] = found[f"requests.{name}"] = amount
        elif "/" in name and "kubernetes.io/" not in name:
            found[f"requests.{name}"] = amount
    found.update((f"limits.{name}", limits[name]) for name in _NATIVE if name in limits)
    return found


def _service(spec: dict[str, Any]) -> Amounts:
    found = {"services": _ONE}
    ports = spec.get("ports") or ()
    node_ports = 0
    if spec.get("type") == "NodePort":
        node_ports = len(ports)
    elif spec.get("type") == "LoadBalancer":
        found["services.loadbalancers"] = _ONE
        given_out = spec.get("allocateLoadBalancerNodePorts") is not False
        node_ports = len(ports) if given_out else sum(1 for port in ports if port.get("nodePort"))
    if node_ports:
        found["services.nodeports"] = Quantity(node_ports * quantity.NANO)
    return found


def _claim(claim: Obj) -> Amounts:
    found = {"persistentvolumeclaims": _ONE}
    resources = (claim.get("spec") or {}).get("resources") or {}
    storage = amounts_of(resources.get("requests")).get("storage")
    allocated = amounts_of((claim.get("status") or {}).get("allocatedResources")).get("storage")
    if storage is not None:
        found["requests.storage"] = max(storage, allocated) if allocated is not None else storage
    if name := class_of(claim):
        found.update({f"{name}{_CLASS}{resource}": amount for resource, amount in list(found.items())})
    return found


def _devices(devices: dict[str, Any]) -> Amounts:
    """Devices by their class. Of alternatives each class counts for the most that one of them would take."""
    total: dict[str, int] = {}
    for request in devices.get("requests") or ():
        most: dict[str, int] = {}
        for one in request.get("firstAvailable") or [request.get("exactly") or {}]:
            name = one.get("deviceClassName") or ""
            count = _MOST_DEVICES if one.get("allocationMode") == "All" else one.get("count") or 1
            most[name] = max(most.get(name, 0), count)
        for name, count in most.items():
            total[name] = total.get(name, 0) + count
    return {f"{name}{_DEVICES}": Quantity(count * quantity.NANO) for name, count in total.items() if name}
