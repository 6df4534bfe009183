"""Watch events in the form clients read them; a frame is encoded once and shared by all watchers of one form."""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.apiserver import table
from podo.apiserver.fanout import WatchEvent

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
#: Frames kept. A watcher that is further behind encodes its own.
KEPT = 2048


def bookmark(kind: Kind, event: WatchEvent) -> Obj:
    """The object of a BOOKMARK: nothing but its type and the revision."""
    found: Obj = {"resourceVersion": str(event.revision), "creationTimestamp": None}
    if event.initial_end:
        found["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": found}


class Frames:
    """Encoded events by what makes them differ: the write, the event's type and the form."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str, Kind, str, str], bytes] = {}

    def frame(self, kind: Kind, event: WatchEvent, form: table.ObjectForm, now: float) -> bytes:
        """One line of the stream."""
        if event.record is None:
            return form.framed(event.type, form.small(kind, bookmark(kind, event), now))
        key = (event.record.revision, event.record.key, kind, event.type, form.name)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = form.framed(event.type, form.render(kind, event.record.value, now))
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return found


def error_frame(kind: Kind, form: table.ObjectForm, status: Obj) -> bytes:
    """The last event of a watch that ends early. A Status is no row of a Table: it comes as it is."""
    plain = form if isinstance(form, table.ProtobufForm) else table.ObjectForm()
    return plain.framed("ERROR", plain.small(kind, status, 0.0))
