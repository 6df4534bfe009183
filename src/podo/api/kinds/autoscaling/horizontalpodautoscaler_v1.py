"""HorizontalPodAutoscaler (autoscaling/v1): the older form, for CPU alone. It is stored as v2; both conversions are
here.

What v1 has no fields for travels in annotations, as in upstream: other metrics, conditions and behavior are neither
shown wrongly nor lost when an object is read and written through v1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from podo.api.kind import Column, Kind, Obj, Problem
from podo.api.kinds.autoscaling.horizontalpodautoscaler import HORIZONTALPODAUTOSCALER

_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_ANNOTATIONS = (_METRICS, _CURRENT, _CONDITIONS, _BEHAVIOR)
_SAME_SPEC = ("scaleTargetRef", "minReplicas", "maxReplicas")
_SAME_STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def to_v2(old: Obj) -> Obj:
    """The autoscaling/v2 form of a v1 object."""
    metadata, carried = _without_carried(old["metadata"])
    spec = old.get("spec") or {}
    wanted: Obj = {field: spec[field] for field in _SAME_SPEC if field in spec}
    cpu = spec.get("targetCPUUtilizationPercentage")
    metrics = [_cpu({"target": {"type": "Utilization", "averageUtilization": cpu}})] if cpu is not None else []
    wanted["metrics"] = [*metrics, *_listed(carried.get(_METRICS))]
    if isinstance(behavior := carried.get(_BEHAVIOR), dict):
        wanted["behavior"] = behavior
    made: Obj = {"apiVersion": "autoscaling/v2", "kind": old["kind"], "metadata": metadata, "spec": wanted}
    if "status" in old:
        made["status"] = _status_to_v2(old["status"] or {}, carried)
    HORIZONTALPODAUTOSCALER.fill_in(made)
    return made


def _status_to_v2(status: Obj, carried: Obj) -> Obj:
    found: Obj = {field: status[field] for field in _SAME_STATUS if field in status}
    have = status.get("currentCPUUtilizationPercentage")
    metrics = [_cpu({"current": {"averageUtilization": have}})] if have is not None else []
    if metrics := [*metrics, *_listed(carried.get(_CURRENT))]:
        found["currentMetrics"] = metrics
    if conditions := _listed(carried.get(_CONDITIONS)):
        found["conditions"] = conditions
    return found


def from_v2(new: Obj) -> Obj:
    """The autoscaling/v1 form of a v2 object."""
    spec, status = new.get("spec") or {}, new.get("status")
    wanted: Obj = {field: spec[field] for field in _SAME_SPEC if field in spec}
    carried: Obj = {}
    cpu, others = _split(spec.get("metrics") or [], "target")
    if cpu is not None:
        wanted["targetCPUUtilizationPercentage"] = cpu
    carried[_METRICS], carried[_BEHAVIOR] = others, spec.get("behavior")
    made: Obj = {"apiVersion": "autoscaling/v1", "kind": new["kind"], "metadata": new["metadata"], "spec": wanted}
    if status is not None:
        shown: Obj = {field: status[field] for field in _SAME_STATUS if field in status}
        have, others = _split(status.get("currentMetrics") or [], "current")
        if have is not None:
            shown["currentCPUUtilizationPercentage"] = have
        carried[_CURRENT], carried[_CONDITIONS] = others, status.get("conditions")
        made["status"] = shown
    texts = {name: orjson.dumps(value).decode() for name, value in carried.items() if value}
    if texts:
        annotations = {**(new["metadata"].get("annotations") or {}), **texts}
        made["metadata"] = {**new["metadata"], "annotations": annotations}
    return made


def _cpu(more: Obj) -> Obj:
    return {"type": "Resource", "resource": {"name": "cpu", **more}}


def _split(metrics: list[Any], field: str) -> tuple[int | None, list[Any]]:
    """The share of CPU (in percent) that v1 has a field for, and the other metrics."""
    for index, metric in enumerate(metrics):
        resource = (metric.get("resource") or {}) if metric.get("type") == "Resource" else {}
        share = (resource.get(field) or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and share is not None:
            return share, metrics[:index] + metrics[index + 1 :]
    return None, metrics


def _without_carried(metadata: Obj) -> tuple[Obj, Obj]:
    """The metadata without what travels in annotations, and that, read. What cannot be read is dropped."""
    annotations = metadata.get("annotations") or {}
    carried: Obj = {}
    for name in _ANNOTATIONS:
        try:
            carried[name] = orjson.loads(annotations.get(name) or "null")
        except orjson.JSONDecodeError:
            continue
    if not any(name in annotations for name in _ANNOTATIONS):
        return metadata, carried
    kept = {name: text for name, text in annotations.items() if name not in _ANNOTATIONS}
    made = {**metadata, "annotations": kept}
    if not kept:
        del made["annotations"]
    return made, carried


def _listed(found: Any) -> list[Any]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _fill_in(given: Obj) -> None:
    spec = given["spec"] = given.get("spec") or {}
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1


def _problems(new: Obj, old: Obj | None) -> Iterable[Problem]:
    return HORIZONTALPODAUTOSCALER.problems(to_v2(new), None if old is None else to_v2(old))


def _status_problems(new: Obj, old: Obj | None) -> Iterable[Problem]:
    return HORIZONTALPODAUTOSCALER.status_problems(to_v2(new), None if old is None else to_v2(old))


def _column(column: Column) -> Column:
    return replace(column, cell=lambda given, now: column.cell(to_v2(given), now))


HORIZONTALPODAUTOSCALER_V1 = Kind(
    group="autoscaling",
    version="v1",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    fill_in=_fill_in,
    problems=_problems,
    status_problems=_status_problems,
    columns=tuple(map(_column, HORIZONTALPODAUTOSCALER.columns)),
    subresources=frozenset({"status"}),
    stored_as=HORIZONTALPODAUTOSCALER,
    to_stored=to_v2,
    from_stored=from_v2,
)
