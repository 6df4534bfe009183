"""What a HorizontalPodAutoscaler must be like (API reference: HorizontalPodAutoscaler v2)."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.resource_rules import check_container_resource_name
from podo.api.rules import (
    Found,
    check_choice,
    check_not_negative,
    check_text,
    checked_quantity,
    forbidden,
    invalid,
    not_supported,
    required,
)
from podo.values import names

#: The type of a metric, and the field it needs, in the order in which they are looked at.
_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_RESOURCE = (
    *("must set either a target raw value or a target utilization", "averageUtilization", "averageValue"),
    "may not set both a target raw value and a target utilization",
)
#: What each needs of a target: the words if there is neither that field nor an average value, the field that must not
#: stand beside it, and the words for both.
_TARGETS = {
    "object": ("must set either a target value or averageValue", "value", "", ""),
    "external": (
        *("must set either a target value for metric or a per-pod target", "value", "value"),
        "may not set both a target value for metric and a per-pod target",
    ),
    "pods": ("must specify a positive target averageValue", "averageValue", "", ""),
    "resource": _RESOURCE,
    "containerResource": _RESOURCE,
}
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
    if kind not in _SOURCES:
        found.append(not_supported(f"{path}.type", kind, sorted(_SOURCES)))
    present = [field for field in _SOURCES.values() if metric.get(field) is not None]
    if present:
        _check_source(present[0], metric[present[0]], f"{path}.{present[0]}", found)
    wanted = _SOURCES.get(kind)
    if wanted is not None and wanted not in present:
        found.append(required(f"{path}.{wanted}", "must populate information for the given metric source"))
    if len(present) > 1:
        why = "must populate the given metric source only"
        found.extend(forbidden(f"{path}.{field}", why) for field in present if field != wanted)


def _check_source(field: str, source: dict[str, Any], path: str, found: Found) -> None:
    if field in ("resource", "containerResource"):
        _check_resource(field, source, path, found)
    else:
        if field == "object":
            _check_reference(source.get("describedObject") or {}, f"{path}.describedObject", found)
        _check_identifier(source.get("metric") or {}, f"{path}.metric", found)
    target = source.get("target") or {}
    _check_target(target, f"{path}.target", found)
    either, one, other, both = _TARGETS[field]
    if target.get(one) is None and target.get("averageValue") is None:
        found.append(required(f"{path}.target.{one if field.endswith('esource') else 'averageValue'}", either))
    if both and target.get(one) is not None and target.get("averageValue") is not None:
        found.append(forbidden(f"{path}.target.{other}", both))


def _check_resource(field: str, source: dict[str, Any], path: str, found: Found) -> None:
    name, is_container = source.get("name"), field == "containerResource"
    if not name:
        found.append(required(f"{path}.name", "must specify a resource name"))
    elif is_container:
        check_container_resource_name(name, f"{path}.name", found)
    if is_container:
        if container := source.get("container"):
            check_text(f"{path}.container", container, names.label, found)
        else:
            found.append(required(f"{path}.container", "must specify a container"))


def _check_identifier(metric: dict[str, Any], path: str, found: Found) -> None:
    if name := metric.get("name"):
        check_text(f"{path}.name", name, names.path_segment, found)
    else:
        found.append(required(f"{path}.name", "must specify a metric name"))
    if selector := metric.get("selector"):
        check_label_selector(selector, f"{path}.selector", found)


def _check_target(target: dict[str, Any], path: str, found: Found) -> None:
    kind = target.get("type") or ""
    if not kind:
        found.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in ("Utilization", "Value", "AverageValue"):
        found.append(invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue"))
    for field in ("value", "averageValue", "averageUtilization"):
        if (amount := target.get(field)) is not None:
            _check_amount(f"{path}.{field}", amount, found)


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
    check_choice(f"{path}.selectPolicy", rules.get("selectPolicy"), _SELECT, found)
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
