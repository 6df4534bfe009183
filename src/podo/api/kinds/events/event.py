"""Event (events.k8s.io/v1): the newer form of an Event. It is stored as the core one; both conversions are here."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Kind, Obj
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


EVENTS_EVENT = Kind(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    stored_as=EVENT,
    to_stored=to_core,
    from_stored=from_core,
)
