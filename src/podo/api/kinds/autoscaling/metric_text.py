"""The Targets column of a HorizontalPodAutoscaler: each metric as what it is and what it should be."""

from __future__ import annotations

from typing import Any

_SHOWN = 2
_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def targets_text(metrics: list[dict[str, Any]], current: list[dict[str, Any]]) -> str:
    """``cpu: 30%/80%``; at most two metrics, and how many more there are. ``metrics``: of the spec, v2 form."""
    if not metrics:
        return "<none>"
    shown = [_one(metric, current[index] if index < len(current) else {}) for index, metric in enumerate(metrics)]
    text = ", ".join(shown[:_SHOWN])
    return f"{text} + {len(shown) - _SHOWN} more..." if len(shown) > _SHOWN else text


def _one(metric: dict[str, Any], current: dict[str, Any]) -> str:
    kind = metric.get("type") or ""
    field = _SOURCES.get(kind)
    if field is None:
        return "<unknown type>"
    source, now = metric.get(field) or {}, (current.get(field) or {}).get("current") or {}
    target = source.get("target") or {}
    if kind in ("Resource", "ContainerResource"):
        return f"{source.get('name', '')}: {_pair(target, now)}"
    of_each = kind != "Pods" and target.get("averageValue") is not None
    return f"{_pair(target, now)} (avg)" if of_each else _pair(target, now)


def _pair(target: dict[str, Any], now: dict[str, Any]) -> str:
    if target.get("averageUtilization") is not None:
        have = now.get("averageUtilization")
        return f"{'<unknown>' if have is None else f'{have}%'}/{target['averageUtilization']}%"
    if target.get("averageValue") is not None:
        return f"{now.get('averageValue') or '<unknown>'}/{target['averageValue']}"
    return f"{now.get('value') or '<unknown>'}/{target.get('value') or '<auto>'}"
