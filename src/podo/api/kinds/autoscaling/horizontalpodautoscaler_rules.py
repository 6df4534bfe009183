"""What a HorizontalPodAutoscaler must be like (API reference: HorizontalPodAutoscaler v2)."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import (
    Found,
    check_not_negative,
    check_text,
    checked_quantity,
    forbidden,
    invalid,
    not_supported,
    required,
)
from podo.values import names

#: The type of a metric, the field it needs, and the kinds of target that field may have.
_SOURCES = {
    "ContainerResource": ("containerResource", ("Utilization", "AverageValue")),
    "External": ("external", ("Value", "AverageValue")),
    "Object": ("object", ("Value", "AverageValue")),
    "Pods": ("pods", ("AverageValue",)),
    "Resource": ("resource", ("Utilization", "AverageValue")),
}
_TARGET_FIELDS = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}
_SELECT = ("Disabled", "Max", "Min")
_POLICY_TYPES = ("Percent", "Pods")
_PERIOD_MAX, _WINDOW_MAX = 1800, 3600
_POSITIVE = "must be greater than zero"


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with an autoscaler in v2 form."""
    found: Found = []
    spec = new.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        found.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        found.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if least is not None and most < least:
        found.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    _check_reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef", found)
    for index, metric in enumerate(spec.get("metrics") or ()):
        _check_metric(metric, f"spec.metrics[{index}]", found)
    if behavior := spec.get("behavior"):
        for direction in ("scaleUp", "scaleDown"):
            if (rules := behavior.get(direction)) is not None:
                _check_direction(rules, f"spec.behavior.{direction}", found)
    return found


def status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    for field in ("currentReplicas", "desiredReplicas"):
        check_not_negative(f"status.{field}", status.get(field), found)
    return found


def _check_reference(reference: dict[str, Any], path: str, found: Found) -> None:
    for field in ("kind", "name"):
        if text := reference.get(field):
            check_text(f"{path}.{field}", text, names.path_segment, found)
        else:
            found.append(required(f"{path}.{field}"))
    if (version := reference.get("apiVersion") or "").count("/") > 1:
        found.append(invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}"))


def _check_metric(metric: dict[str, Any], path: str, found: Found) -> None:
    kind = metric.get("type") or ""
    if not kind:
        found.append(required(f"{path}.type", "must specify a metric source type"))
        return
    if kind not in _SOURCES:
        found.append(not_supported(f"{path}.type", kind, _SOURCES))
        return
    field, targets = _SOURCES[kind]
    for other, _ in _SOURCES.values():
        if other != field and metric.get(other) is not None:
            why = f"must populate the given metric source only, found {other} beside type {kind}"
            found.append(forbidden(f"{path}.{other}", why))
    source = metric.get(field)
    if source is None:
        found.append(required(f"{path}.{field}", "must populate information for the given metric source"))
        return
    _check_source(kind, source, f"{path}.{field}", found)
    _check_target(source.get("target") or {}, targets, f"{path}.{field}.target", found)


def _check_source(kind: str, source: dict[str, Any], path: str, found: Found) -> None:
    if kind in ("Resource", "ContainerResource"):
        if not source.get("name"):
            found.append(required(f"{path}.name", "must specify a resource name"))
        if kind == "ContainerResource":
            if container := source.get("container"):
                check_text(f"{path}.container", container, names.label, found)
            else:
                found.append(required(f"{path}.container", "must specify a container"))
        return
    if kind == "Object":
        _check_reference(source.get("describedObject") or {}, f"{path}.describedObject", found)
    _check_identifier(source.get("metric") or {}, f"{path}.metric", found)


def _check_identifier(metric: dict[str, Any], path: str, found: Found) -> None:
    if name := metric.get("name"):
        check_text(f"{path}.name", name, names.path_segment, found)
    else:
        found.append(required(f"{path}.name", "must specify a metric name"))
    if selector := metric.get("selector"):
        check_label_selector(selector, f"{path}.selector", found)


def _check_target(target: dict[str, Any], allowed: tuple[str, ...], path: str, found: Found) -> None:
    kind = target.get("type") or ""
    if not kind:
        found.append(required(f"{path}.type", "must specify a metric target type"))
        return
    if kind not in _TARGET_FIELDS:
        known = ("Utilization", "Value", "AverageValue")
        found.append(invalid(f"{path}.type", kind, f"must be either {', '.join(known[:2])}, or {known[2]}"))
        return
    given = [field for field in _TARGET_FIELDS.values() if target.get(field) is not None]
    if not any(_TARGET_FIELDS[one] in given for one in allowed):
        wanted = " or ".join(f"a target {_words(one)}" for one in allowed)
        found.append(required(f"{path}.{_TARGET_FIELDS[allowed[0]]}", f"must set {wanted}"))
    elif len(given) > 1:
        found.append(forbidden(f"{path}.{given[1]}", "may not set more than one target"))
    for field in given:
        _check_amount(f"{path}.{field}", target[field], found)


def _words(kind: str) -> str:
    return {"Utilization": "utilization", "Value": "value", "AverageValue": "average value"}[kind]


def _check_amount(path: str, amount: Any, found: Found) -> None:
    if path.endswith("Utilization"):
        if amount < 1:
            found.append(invalid(path, amount, "must be greater than 0"))
        return
    value = checked_quantity(path, amount, found)
    if value is not None and value.nano <= 0:
        found.append(invalid(path, amount, "must be positive"))


def _check_direction(rules: dict[str, Any], path: str, found: Found) -> None:
    if (window := rules.get("stabilizationWindowSeconds")) is not None:
        if window < 0:
            found.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
        elif window > _WINDOW_MAX:
            why = f"must be less than or equal to {_WINDOW_MAX}"
            found.append(invalid(f"{path}.stabilizationWindowSeconds", window, why))
    if (select := rules.get("selectPolicy")) is not None and select not in _SELECT:
        found.append(not_supported(f"{path}.selectPolicy", select, _SELECT))
    if (tolerance := rules.get("tolerance")) is not None:
        _check_tolerance(f"{path}.tolerance", tolerance, found)
    policies = rules.get("policies") or []
    if not policies:
        found.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(policies):
        _check_policy(policy, f"{path}.policies[{index}]", found)


def _check_tolerance(path: str, tolerance: Any, found: Found) -> None:
    value = checked_quantity(path, tolerance, found)
    if value is not None and value.nano < 0:
        found.append(invalid(path, tolerance, "must be greater or equal to 0"))


def _check_policy(policy: dict[str, Any], path: str, found: Found) -> None:
    if policy.get("type") not in _POLICY_TYPES:
        found.append(not_supported(f"{path}.type", policy.get("type") or "", _POLICY_TYPES))
    if (policy.get("value") or 0) <= 0:
        found.append(invalid(f"{path}.value", policy.get("value") or 0, _POSITIVE))
    period = policy.get("periodSeconds") or 0
    if period <= 0:
        found.append(invalid(f"{path}.periodSeconds", period, _POSITIVE))
    elif period > _PERIOD_MAX:
        found.append(invalid(f"{path}.periodSeconds", period, f"must be less than or equal to {_PERIOD_MAX}"))
