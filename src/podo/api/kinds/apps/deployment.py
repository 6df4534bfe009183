"""Deployment (apps/v1): replicas of a pod, changed step by step."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, TEMPLATE_COLUMNS, column, status_count
from podo.api.kind import Kind, Obj, ScalePaths
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.api.parts.replicas import (
    check_available,
    check_collisions,
    check_fixed_selector,
    check_pods,
    check_selector,
    check_status_numbers,
)
from podo.api.parts.rolling import check_not_more_than_all, check_share, is_zero
from podo.api.rules import Found, check_not_negative, forbidden, invalid, not_supported, required

_STRATEGIES = ("Recreate", "RollingUpdate")
_DEFAULTS = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_ROLLING = ("maxUnavailable", "maxSurge")


def _fill_in(deployment: Obj) -> None:
    spec = deployment["spec"] = deployment.get("spec") or {}
    for field, value in _DEFAULTS.items():
        if spec.get(field) is None:
            spec[field] = value
    strategy = spec["strategy"] = spec.get("strategy") or {}
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        for field in _ROLLING:
            if rolling.get(field) is None:
                rolling[field] = "25%"
    fill_in_template(deployment)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_not_negative("spec.replicas", spec.get("replicas"), found)
    check_selector(spec, "deployment", found)
    check_pods(spec, "ReplicaSet", found)
    _check_strategy(spec.get("strategy") or {}, found)
    for field in ("minReadySeconds", "revisionHistoryLimit"):
        check_not_negative(f"spec.{field}", spec.get(field), found)
    if (deadline := spec.get("progressDeadlineSeconds")) is not None:
        check_not_negative("spec.progressDeadlineSeconds", deadline, found)
        if deadline <= (spec.get("minReadySeconds") or 0):
            found.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    check_fixed_selector(new, old, found)
    return found


def _check_strategy(strategy: dict[str, Any], found: Found) -> None:
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate":
        if rolling is not None:
            why = "may not be specified when strategy `type` is 'Recreate'"
            found.append(forbidden("spec.strategy.rollingUpdate", why))
    elif strategy.get("type") != "RollingUpdate":
        found.append(not_supported("spec.strategy", strategy, _STRATEGIES))
    elif rolling is None:
        found.append(required("spec.strategy.rollingUpdate", "this should be defaulted and never be nil"))
    else:
        _check_rolling(rolling, "spec.strategy.rollingUpdate", found)


def _check_rolling(rolling: dict[str, Any], path: str, found: Found) -> None:
    unavailable, surge = (rolling.get(field) for field in _ROLLING)
    check_share(f"{path}.maxUnavailable", unavailable, found)
    check_share(f"{path}.maxSurge", surge, found)
    if is_zero(unavailable) and is_zero(surge):
        found.append(invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    check_not_more_than_all(f"{path}.maxUnavailable", unavailable, found)


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    parts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    check_status_numbers(new, parts, ("unavailableReplicas", "observedGeneration", "collisionCount"), found)
    check_available(new, "readyReplicas", found)
    check_collisions(new, old, found)
    return found


def _ready(deployment: Obj) -> str:
    return f"{status_count('readyReplicas')(deployment)}/{deployment['spec'].get('replicas') or 0}"


DEPLOYMENT = Kind(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    short_names=("deploy",),
    categories=("all",),
    fill_in=_fill_in,
    problems=_problems,
    warnings=pod_warnings.of_workload,
    status_problems=_status_problems,
    columns=(
        NAME,
        column("Ready", _ready),
        column("Up-to-date", status_count("updatedReplicas")),
        column("Available", status_count("availableReplicas")),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    subresources=frozenset({"status", "scale"}),
    scale=ScalePaths(),
    generation=True,
)
