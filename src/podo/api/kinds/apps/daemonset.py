"""DaemonSet (apps/v1): one pod on each node, or on each that the template's selector and affinity allow."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, TEMPLATE_COLUMNS, column, labels_text, status_count
from podo.api.kind import Kind, Obj
from podo.api.meta import metadata
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.api.parts.replicas import check_selected
from podo.api.parts.rolling import check_share, is_zero
from podo.api.rules import Found, check_not_negative, check_one_of, invalid, required

#: How often the template was changed: a field of older API versions, shown as an annotation since.
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_STRATEGIES = ("RollingUpdate", "OnDelete")
_COUNTS = (
    *("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"),
    *("updatedNumberScheduled", "numberAvailable", "numberUnavailable", "observedGeneration", "collisionCount"),
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
    check_selected(new, old, "daemonset", "DaemonSet", found)
    spec = new.get("spec") or {}
    check_not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"), found)
    strategy = spec.get("updateStrategy") or {}
    check_one_of("spec.updateStrategy.type", strategy.get("type") or "", _STRATEGIES, found)
    if strategy.get("type") == "RollingUpdate":
        rolling = strategy.get("rollingUpdate")
        if rolling is None:
            found.append(required("spec.updateStrategy.rollingUpdate"))
        else:
            _check_rolling(rolling, "spec.updateStrategy.rollingUpdate", found)
    return found


def _check_rolling(rolling: dict[str, Any], path: str, found: Found) -> None:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    check_share(f"{path}.maxUnavailable", unavailable, found, most_percent=100)
    check_share(f"{path}.maxSurge", surge, found, most_percent=100)
    if not is_zero(unavailable) and not is_zero(surge):
        found.append(invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if is_zero(unavailable) and is_zero(surge):
        found.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    for field in _COUNTS:
        check_not_negative(f"status.{field}", status.get(field), found)
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
