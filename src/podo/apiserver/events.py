"""Watch events in the form clients read them; a frame is encoded once and shared by all watchers of one form."""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.apiserver.verbs.watch import INITIAL_EVENTS_END, WatchEvent


def bookmark(kind: Kind, event: WatchEvent) -> Obj:
    """The object of a BOOKMARK: nothing but its type and the revision."""
    found: Obj = {"resourceVersion": str(event.revision), "creationTimestamp": None}
    if event.initial_end:
        found["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": found}
