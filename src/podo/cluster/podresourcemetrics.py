"""``/metrics/resources``: what each pod asks for and may use at most, as the scheduler counts it.

It costs something for each pod when it is read, and is thus a page of its own, as upstream's. Source: the "Kubernetes
Metrics Reference", kube_pod_resource_request and kube_pod_resource_limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.api.parts.resources import limits_of, requests_of
from podo.client.cache import Cache
from podo.runtime.metrics import Family, Labels, gauge

_LABELS = ("namespace", "pod", "node", "scheduler", "priority", "resource", "unit")
_UNITS = {"cpu": "cores", "memory": "bytes", "storage": "bytes", "ephemeral-storage": "bytes"}
_ENDED = frozenset({"Succeeded", "Failed"})

Amounts = Callable[[Obj], dict[str, int]]


def families(cache: Cache) -> Iterable[Family]:
    """Of the pods that have not ended."""
    pods = [pod for pod in cache.list("Pod") if not _has_ended(pod)]
    text = "What pods ask for, of each resource, as the scheduler counts it."
    yield gauge("kube_pod_resource_request", text, _LABELS, _rows(pods, requests_of))
    text = "What pods may use at most, of each resource, as the scheduler counts it."
    yield gauge("kube_pod_resource_limit", text, _LABELS, _rows(pods, limits_of))


def _has_ended(pod: Obj) -> bool:
    return bool(pod["spec"].get("nodeName")) and (pod.get("status") or {}).get("phase") in _ENDED


def _rows(pods: Iterable[Obj], amounts: Amounts) -> Iterator[tuple[Labels, float]]:
    for pod in pods:
        spec = pod["spec"]
        priority = "" if spec.get("priority") is None else str(spec["priority"])
        whose = (namespace_of(pod), name_of(pod), spec.get("nodeName") or "", spec.get("schedulerName") or "", priority)
        for resource, amount in amounts(pod).items():
            if amount:
                yield (*whose, resource, _unit(resource)), amount / 1000 if resource == "cpu" else float(amount)


def _unit(resource: str) -> str:
    if resource.startswith("hugepages-"):
        return "bytes"
    return "integer" if resource.startswith("attachable-volumes-") else _UNITS.get(resource, "")
