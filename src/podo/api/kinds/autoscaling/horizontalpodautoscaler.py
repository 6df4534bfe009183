"""HorizontalPodAutoscaler (autoscaling/v2): how many replicas a workload has, by its metrics."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.autoscaling.horizontalpodautoscaler_rules import problems, status_problems
from podo.api.kinds.autoscaling.metric_text import targets_text

#: The metric of an autoscaler that names none.
DEFAULT_METRIC = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def _fill_in(autoscaler: Obj) -> None:
    spec = autoscaler["spec"] = autoscaler.get("spec") or {}
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        target = dict(DEFAULT_METRIC["resource"]["target"])  # type: ignore[index]
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if (behavior := spec.get("behavior")) is not None:
        for direction, defaults in (("scaleUp", _UP), ("scaleDown", _DOWN)):
            behavior[direction] = _with_defaults(behavior.get(direction) or {}, defaults)


def _with_defaults(rules: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    for field, value in defaults.items():
        if rules.get(field) is None:
            rules[field] = [dict(policy) for policy in value] if isinstance(value, list) else value
    return rules


def reference_text(autoscaler: Obj) -> str:
    """``Deployment/web``."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(autoscaler: Obj) -> str:
    metrics = (autoscaler.get("spec") or {}).get("metrics") or []
    return targets_text(metrics, (autoscaler.get("status") or {}).get("currentMetrics") or [])


def _least(autoscaler: Obj) -> str:
    found = (autoscaler.get("spec") or {}).get("minReplicas")
    return "<unset>" if found is None else str(found)


HORIZONTALPODAUTOSCALER = Kind(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    fill_in=_fill_in,
    problems=problems,
    status_problems=status_problems,
    columns=(
        NAME,
        column("Reference", reference_text),
        column("Targets", _targets),
        column("MinPods", _least),
        column("MaxPods", lambda autoscaler: (autoscaler.get("spec") or {}).get("maxReplicas") or 0),
        column("Replicas", lambda autoscaler: (autoscaler.get("status") or {}).get("currentReplicas") or 0),
        AGE,
    ),
    subresources=frozenset({"status"}),
)
