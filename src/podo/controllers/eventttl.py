"""Event expiry: Events are deleted an hour after they were last told."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.reconcile.actions import Action, CheckAgain, Delete
from podo.reconcile.declare import Key, View, controller
from podo.values import timestamp

#: Seconds that an Event is kept (--event-ttl).
KEPT = 3600.0


@controller(reconciles="Event")
def reconcile(key: Key, view: View) -> Iterator[Action]:
    event = view.get("Event", key.name, key.namespace)
    if event is None:
        return
    left = last_told(event) + KEPT - view.now
    if left > 0:
        yield CheckAgain(left)
    else:
        yield Delete(event)


def last_told(event: Obj) -> float:
    """The latest of an Event's times (seconds)."""
    series = event.get("series") or {}
    moments = [
        event["metadata"].get("creationTimestamp"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        series.get("lastObservedTime"),
    ]
    return max((timestamp.parse(moment) for moment in moments if moment), default=0.0)
