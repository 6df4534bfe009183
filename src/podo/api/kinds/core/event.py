"""Event (v1): what happened to an object, for people to read."""

from __future__ import annotations

from podo.api.kind import Kind

EVENT = Kind(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
)
