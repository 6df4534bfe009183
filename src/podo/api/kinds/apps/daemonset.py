"""DaemonSet (apps/v1): one pod on each node, or on each that the template's selector and affinity allow."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, TEMPLATE_COLUMNS, column, labels_text, status_count
from podo.api.kind import Kind, Obj
from podo.api.meta import metadata
from podo.api.parts import pod_warnings
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.podtemplate import fill_in_template
from podo.api.parts.replicas import (
    check_collisions,
    check_fixed_selector,
    check_matches,
    check_not_empty,
    check_runs_for_ever,
    check_template,
)
from podo.api.parts.rolling import check_not_more_than_all, check_share, is_zero
from podo.api.rules import Found, check_not_negative, invalid, not_supported, required

#: How often the template was changed: a field of older API versions, shown as an annotation since.
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_STRATEGIES = ("RollingUpdate", "OnDelete")
_COUNTS = (
    *("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration"),
    *("updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount"),
)


def _fill_in(daemonset: Obj) -> None:
    spec = daemonset["spec"] = daemonset.get("spec") or {}
    strategy = spec["updateStrategy"] = spec.get("updateStrategy") or {}
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        if rolling.get("maxUnavailable") is None:
            rolling["maxUnavailable"] = 1
        if rolling.get("maxSurge") is None:
            rolling["maxSurge"] = 0
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    fill_in_template(daemonset)


def _prepare(new: Obj, old: Obj | None) -> None:
    """Counts changes of the template."""
    generation = 1
    if old is not None:
        text = (old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
        generation = int(text) if text.isdecimal() else 1
        generation += new["spec"].get("template") != old["spec"].get("template")
    found = metadata(new)
    found["annotations"] = {**(found.get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    template, selector = spec.get("template") or {}, spec.get("selector")
    check_label_selector(selector or {}, "spec.selector", found)
    check_matches(template, selector, found)
    if selector is not None:
        check_not_empty(selector, "daemonset", found)
    check_template(template, "spec.template", found)
    check_runs_for_ever(template, "DaemonSet", found)
    check_not_negative("spec.minReadySeconds", spec.get("minReadySeconds"), found)
    _check_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy", found)
    check_not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"), found)
    check_fixed_selector(new, old, found)
    return found


def _check_strategy(strategy: dict[str, Any], path: str, found: Found) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        found.append(not_supported(path, strategy, _STRATEGIES))
    elif kind == "RollingUpdate":
        if rolling is None:
            found.append(required(f"{path}.rollingUpdate"))
        else:
            _check_rolling(rolling, f"{path}.rollingUpdate", found)


def _check_rolling(rolling: dict[str, Any], path: str, found: Found) -> None:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    for check in (check_share, check_not_more_than_all):
        check(f"{path}.maxUnavailable", unavailable, found)
        check(f"{path}.maxSurge", surge, found)
    if not is_zero(unavailable) and not is_zero(surge):
        found.append(invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if is_zero(unavailable) and is_zero(surge):
        found.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    for field in _COUNTS:
        check_not_negative(f"status.{field}", status.get(field), found)
    check_collisions(new, old, found)
    return found


def _node_selector(daemonset: Obj) -> str:
    return labels_text(((daemonset["spec"].get("template") or {}).get("spec") or {}).get("nodeSelector"))


DAEMONSET = Kind(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    singular="daemonset",
    short_names=("ds",),
    categories=("all",),
    fill_in=_fill_in,
    prepare=_prepare,
    problems=_problems,
    warnings=pod_warnings.of_template,
    status_problems=_status_problems,
    columns=(
        NAME,
        column("Desired", status_count("desiredNumberScheduled"), "integer"),
        column("Current", status_count("currentNumberScheduled"), "integer"),
        column("Ready", status_count("numberReady"), "integer"),
        column("Up-to-date", status_count("updatedNumberScheduled"), "integer"),
        column("Available", status_count("numberAvailable"), "integer"),
        column("Node Selector", _node_selector),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    subresources=frozenset({"status"}),
    generation=True,
)
