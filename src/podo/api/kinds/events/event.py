"""Event (events.k8s.io/v1): the newer form of an Event. It is stored as the core one; both conversions are here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from podo.api.kind import Column, Kind, Obj
from podo.api.kinds.core.event import EVENT
from podo.api.rules import Found, check_immutable, invalid, required

#: core field -> events.k8s.io field, where only the name differs.
_RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
#: What only the core version is written with.
_FORMER = ("firstTimestamp", "lastTimestamp", "count")
#: What cannot change, in the order in which it is told, by the names in which it is told.
_FIXED = {
    **{field: field for field in ("involvedObject", "reason", "message", "source", *_FORMER)},
    **{field: field for field in ("type", "eventTime", "action", "related")},
    "reportingComponent": "reportingController",
    "reportingInstance": "reportingInstance",
}
_RENAMED_BACK = {new: core for core, new in _RENAMED.items()}


def to_core(event: Obj) -> Obj:
    """The core/v1 form of an events.k8s.io/v1 Event."""
    return _renamed(event, _RENAMED_BACK, "v1")


def from_core(event: Obj) -> Obj:
    """The events.k8s.io/v1 form of a core/v1 Event."""
    return _renamed(event, _RENAMED, "events.k8s.io/v1")


def _renamed(event: Obj, names: dict[str, str], api_version: str) -> Obj:
    converted: dict[str, Any] = {names.get(field, field): value for field, value in event.items()}
    converted["apiVersion"] = api_version
    return converted


def _problems(new: Obj, old: Obj | None) -> Found:
    """The rules of the core Event and stricter ones, told by the names that it has there, as upstream tells them."""
    event = to_core(new)
    found: Found = list(EVENT.problems(event, None))
    if old is None:
        _check_new(event, found)
    else:
        _check_unchanged(event, to_core(old), found)
    return found


def _check_new(event: Obj, found: Found) -> None:
    _check_series(event.get("series"), found)
    if not event.get("eventTime"):
        found.append(required("eventTime"))
    if (kind := event.get("type") or "") not in ("Normal", "Warning"):
        found.append(invalid("type", "", f"has invalid value: {kind}"))
    unset = [field for field in _FORMER if event.get(field)]
    if any((event.get("source") or {}).values()):
        unset.append("source")
    found.extend(invalid(field, "", "needs to be unset") for field in unset)


def _check_series(series: Obj | None, found: Found) -> None:
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        found.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        found.append(required("series.lastObservedTime"))


def _check_unchanged(event: Obj, old: Obj, found: Found) -> None:
    if event.get("series") != old.get("series"):
        _check_series(event.get("series"), found)
    for field, shown in _FIXED.items():
        new, former = event.get(field) or None, old.get(field) or None
        check_immutable(shown, new, former, found)


def _column(column: Column) -> Column:
    return replace(column, cell=lambda event, now: column.cell(to_core(event), now))


def _field(read: Callable[[Obj], str]) -> Callable[[Obj], str]:
    return lambda event: read(to_core(event))


_FIELD_NAMES = {
    name: name.replace("involvedObject", "regarding").replace("reportingComponent", "reportingController")
    for name in EVENT.fields
    if name != "source"
}

EVENTS_EVENT = Kind(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    problems=_problems,
    columns=tuple(map(_column, EVENT.columns)),
    fields={new: _field(EVENT.fields[core]) for core, new in _FIELD_NAMES.items()},
    stored_as=EVENT,
    to_stored=to_core,
    from_stored=from_core,
    created_by_update=True,
)
