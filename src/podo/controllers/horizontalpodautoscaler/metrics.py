"""What each metric of an autoscaler says: a number of replicas, a line of its status, or why it says nothing (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.api.parts.container import is_sidecar
from podo.controllers.horizontalpodautoscaler.measuring import (
    Groups,
    NoMetrics,
    Reading,
    Readings,
    Tolerance,
    by_average,
    by_share,
    by_utilization,
    by_value,
    grouped,
)
from podo.values import quantity, timestamp
from podo.values.selector import told

PODMETRICS = "PodMetrics"


class MetricValues(Protocol):
    """Values of metrics that are no pod's CPU or memory, in thousandths. Each raises NoMetrics.

    ``metric``: a MetricIdentifier (``name``, ``selector``).
    """

    def of_pods(self, namespace: str, metric: Obj, pods: Sequence[Obj]) -> Readings: ...

    def of_object(self, namespace: str, metric: Obj, described: Obj) -> int: ...

    def external(self, namespace: str, metric: Obj) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Workload:
    """What is scaled: ``current`` replicas wanted now, ``seen`` in its status, and its pods with what they use."""

    namespace: str
    current: int
    seen: int
    pods: Sequence[Obj]
    usage: Mapping[str, Obj]  # PodMetrics by pod name
    values: MetricValues
    tolerance: Tolerance
    now: float


class Said(NamedTuple):
    """``replicas`` that a metric asks for, its ``name`` in messages, and its entry of ``status.currentMetrics``."""

    replicas: int
    name: str
    status: Obj


#: By the type of a metric: the reason of the condition and Event when it says nothing.
FAILED = {
    "Resource": "FailedGetResourceMetric",
    "ContainerResource": "FailedGetContainerResourceMetric",
    "Pods": "FailedGetPodsMetric",
    "Object": "FailedGetObjectMetric",
    "External": "FailedGetExternalMetric",
}


def said(metric: Obj, workload: Workload) -> Said:
    """What one metric of ``spec.metrics`` says. Raises NoMetrics."""
    match metric["type"]:
        case "Resource":
            return _resource(metric["resource"], workload, "resource", "")
        case "ContainerResource":
            source = metric["containerResource"]
            return _resource(source, workload, "containerResource", source["container"])
        case "Pods":
            return _pods(metric["pods"], workload)
        case "Object":
            return _object(metric["object"], workload)
        case _:
            return _external(metric["external"], workload)


def _resource(source: Obj, workload: Workload, field: str, container: str) -> Said:
    resource, target = source["name"], source["target"]
    label, utilization = f"{resource} resource", target.get("averageUtilization")
    try:
        readings = _usage(workload, resource, container)
        groups = grouped(workload.pods, readings, resource, workload.now)
        if utilization is not None:
            requests = _requests(workload.pods, resource, container)
            answer = by_utilization(
                workload.current, utilization, workload.pods, readings, requests, groups, workload.tolerance
            )
            kind = "container resource" if container else "resource"
            label = f"{resource} {kind} utilization (percentage of request)"
        else:
            amount = _millis(target["averageValue"])
            answer = by_average(workload.current, amount, readings, groups, workload.tolerance)
    except NoMetrics as why:
        what = f"{resource} utilization" if utilization is not None else f"{resource} usage"
        raise NoMetrics(f"failed to get {what}: {why}") from None
    current: Obj = {"averageValue": _text(answer.average, resource)}
    if utilization is not None:
        current["averageUtilization"] = answer.percent
    status: Obj = {"name": resource, "current": current} | ({"container": container} if container else {})
    return Said(answer.replicas, label, {"type": field[0].upper() + field[1:], field: status})


def _usage(workload: Workload, resource: str, container: str) -> Readings:
    found = {}
    for pod in workload.pods:
        measured = workload.usage.get(name_of(pod))
        if measured is None:
            continue
        used = {each["name"]: each["usage"] for each in measured["containers"]}
        if container and container not in used:
            place = f"{namespace_of(pod)}/{name_of(pod)}"
            raise NoMetrics(f"container {container} not present in metrics for pod {place}")
        chosen = [used[container]] if container else list(used.values())
        if chosen and all(resource in each for each in chosen):
            amount = sum(_millis(each[resource]) for each in chosen)
            window = float(str(measured["window"]).removesuffix("s"))
            found[name_of(pod)] = Reading(amount, timestamp.parse(measured["timestamp"]), window)
    if not found:
        raise NoMetrics(f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API")
    return found


def _requests(pods: Sequence[Obj], resource: str, container: str) -> dict[str, int]:
    """What each pod requests of a resource, thousandths. Raises NoMetrics for one that says nothing of it."""
    found = {}
    for pod in pods:
        own = ((pod["spec"].get("resources") or {}).get("requests") or {}).get(resource)
        if own is not None and not container:
            found[name_of(pod)] = _millis(own)
            continue
        total = 0
        for each in _long_running(pod):
            if container and each["name"] != container:
                continue
            request = ((each.get("resources") or {}).get("requests") or {}).get(resource)
            if request is None:
                raise NoMetrics(f"missing request for {resource} in container {each['name']} of Pod {name_of(pod)}")
            total += _millis(request)
        found[name_of(pod)] = total
    return found


def _long_running(pod: Obj) -> list[Obj]:
    spec = pod["spec"]
    return [*spec["containers"], *(each for each in spec.get("initContainers") or () if is_sidecar(each))]


def _pods(source: Obj, workload: Workload) -> Said:
    metric, name = source["metric"], source["metric"]["name"]
    readings = workload.values.of_pods(workload.namespace, metric, workload.pods)
    groups = grouped(workload.pods, readings, "", workload.now)
    target = _millis(source["target"]["averageValue"])
    answer = by_average(workload.current, target, readings, groups, workload.tolerance)
    current = {"averageValue": _text(answer.average)}
    return Said(
        answer.replicas, f"pods metric {name}", {"type": "Pods", "pods": {"metric": metric, "current": current}}
    )


def _object(source: Obj, workload: Workload) -> Said:
    metric, described, target = source["metric"], source["describedObject"], source["target"]
    is_whole = target.get("averageValue") is None
    label = f"{described['kind']} metric {metric['name']}" if is_whole else _external_name(metric)
    value = workload.values.of_object(workload.namespace, metric, described)
    replicas, current = _of_whole(target, value, workload)
    status = {"metric": metric, "describedObject": described, "current": current}
    return Said(replicas, label, {"type": "Object", "object": status})


def _external(source: Obj, workload: Workload) -> Said:
    metric = source["metric"]
    value = sum(workload.values.external(workload.namespace, metric))
    replicas, current = _of_whole(source["target"], value, workload)
    status = {"type": "External", "external": {"metric": metric, "current": current}}
    return Said(replicas, _external_name(metric), status)


def _external_name(metric: Obj) -> str:
    return f"external metric {metric['name']}({told(metric.get('selector'))})"


def in_sum(metric: Obj, why: str) -> str:
    """Why a metric says nothing, as the Event says it that sums up."""
    field = metric["type"][0].lower() + metric["type"][1:]
    source = metric[field]
    if metric["type"] == "Resource":
        return f"failed to get {source['name']} resource metric value: {why}"
    if metric["type"] == "ContainerResource":
        return f"failed to get {source['container']} container metric value: {why}"
    name, average = source["metric"]["name"], source["target"].get("averageValue") is not None
    if metric["type"] == "External":
        what = f"{name} external metric" if average else f"external metric {name}"
        return f"failed to get {name} external metric value: failed to get {what}: {why}"
    inner = f"failed to get {name} object metric: " if average and metric["type"] == "Object" else ""
    return f"failed to get {metric['type'].lower()} metric value: {inner}{why}"


def _of_whole(target: Obj, value: int, workload: Workload) -> tuple[int, Obj]:
    """From a value of the whole workload: replicas, and the ``current`` of the status."""
    if target.get("averageValue") is not None:
        share = _millis(target["averageValue"])
        replicas = by_share(workload.current, workload.seen, value, share, workload.tolerance)
        average = -(-value // workload.seen) if workload.seen else value
        return replicas, {"averageValue": _text(average)}
    groups = Groups() if workload.current == 0 else grouped(workload.pods, _everyone(workload), "", workload.now)
    target_value = _millis(target["value"])
    replicas = by_value(workload.current, len(groups.ready), value, target_value, workload.tolerance)
    return replicas, {"value": _text(value)}


def _everyone(workload: Workload) -> Readings:
    """No pod is missing from a metric that is not measured by pod."""
    return {name_of(pod): Reading(0, workload.now, 0) for pod in workload.pods}


def _millis(text: str) -> int:
    return quantity.parse(str(text)).millis


def _text(millis: int, resource: str = "") -> str:
    """An amount as the API writes it; memory in whole bytes."""
    if resource == "memory":
        return str(quantity.Quantity(millis // 1000 * quantity.NANO, quantity.BINARY_SI))
    return str(quantity.Quantity(millis * 10**6))
