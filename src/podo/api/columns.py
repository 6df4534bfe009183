"""Printer columns that several kinds share, and the way upstream writes ages, selectors and long lists in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from podo.api.kind import Column, Obj
from podo.values.selector import SelectorError, from_label_selector
from podo.values.timestamp import parse

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 86400 * 365


def human_duration(seconds: float) -> str:
    """A length of time as kubectl shows it, at most two units: ``95s``, ``2m3s``, ``3h2m``, ``4d``, ``2y11d``."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 2 * _MINUTE:
        return f"{max(total, 0)}s"
    if total < 10 * _MINUTE:
        return _two(total // _MINUTE, "m", total % _MINUTE, "s")
    if total < 3 * _HOUR:
        return f"{total // _MINUTE}m"
    if total < 8 * _HOUR:
        return _two(total // _HOUR, "h", total % _HOUR // _MINUTE, "m")
    if total < 2 * _DAY:
        return f"{total // _HOUR}h"
    if total < 8 * _DAY:
        return _two(total // _DAY, "d", total % _DAY // _HOUR, "h")
    if total < 2 * _YEAR:
        return f"{total // _DAY}d"
    if total < 8 * _YEAR:
        return _two(total // _YEAR, "y", total % _YEAR // _DAY, "d")
    return f"{total // _YEAR}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(timestamp: str | None, now: float) -> str:
    """How long ago an RFC 3339 timestamp was; ``<unknown>`` for none."""
    if not timestamp:
        return "<unknown>"
    try:
        return human_duration(now - parse(timestamp))
    except ValueError:
        return "<unknown>"


def _age(obj: Obj, now: float) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def _name(obj: Obj, now: float) -> str:
    return str(obj["metadata"].get("name", ""))


NAME = Column("Name", _name, format="name")
AGE = Column("Age", _age)


#: In place of the age, where upstream has no columns of a kind's own.
CREATED_AT = Column("Created At", lambda obj, now: obj["metadata"].get("creationTimestamp") or "", type="date")


def column(name: str, cell: Callable[[Obj], Any], type: str = "string", priority: int = 0) -> Column:
    """A column whose cell does not depend on the time."""
    return Column(name, lambda obj, now: cell(obj), type=type, priority=priority)


def wide(name: str, cell: Callable[[Obj], Any], type: str = "string") -> Column:
    """A column shown with ``-o wide`` only."""
    return column(name, cell, type, priority=1)


def status_count(field: str) -> Callable[[Obj], Any]:
    """A cell: a count of the status, 0 while it is not there."""
    return lambda obj: (obj.get("status") or {}).get(field) or 0


def labels_text(labels: dict[str, str] | None) -> str:
    """A map of labels as ``a=b,c=d``, sorted; ``<none>`` for an empty one."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) if labels else "<none>"


def selector_text(selector: Any) -> str:
    """A LabelSelector as selector text, e.g. ``app=web,tier in (a,b)``; "" for none, an empty or a wrong one."""
    try:
        return str(from_label_selector(selector))
    except SelectorError:
        return ""


def first_three(items: Iterable[str], empty: str) -> str:
    """Up to three items, and how many more there are: ``a,b,c + 2 more...``."""
    found = list(items)
    text = ",".join(found[:3])
    if len(found) > 3:
        return f"{text} + {len(found) - 3} more..."
    return text or empty


def _containers(obj: Obj) -> list[dict[str, Any]]:
    return obj["spec"].get("template", {}).get("spec", {}).get("containers") or []


#: The three wide columns of everything that has a pod template.
TEMPLATE_COLUMNS = (
    wide("Containers", lambda obj: ",".join(c.get("name", "") for c in _containers(obj))),
    wide("Images", lambda obj: ",".join(c.get("image", "") for c in _containers(obj))),
    wide("Selector", lambda obj: selector_text(obj["spec"].get("selector")) or "<none>"),
)
