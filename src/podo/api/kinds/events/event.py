"""Event (events.k8s.io/v1): the newer form of an Event. It is stored as the core one; both conversions are here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from podo.api.kind import Column, Kind, Obj, Problem
from podo.api.kinds.core.event import EVENT

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


def _problems(new: Obj, old: Obj | None) -> Iterable[Problem]:
    return EVENT.problems(to_core(new), None if old is None else to_core(old))


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
