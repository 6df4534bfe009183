"""Event (v1): what happened to an object, for people to read."""

from __future__ import annotations

from typing import Any

from podo.api.columns import Column, since, wide
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_text, invalid, required
from podo.values import names

_OBJECT_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
#: Where Events about things in no namespace are kept.
_FOR_CLUSTER_SCOPED = ("default", "kube-system")
_TEXT_MAX = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    namespace = new["metadata"].get("namespace") or ""
    about = (new.get("involvedObject") or {}).get("namespace") or ""
    if new.get("eventTime"):
        is_there = bool(about) or namespace in _FOR_CLUSTER_SCOPED
    else:
        is_there = namespace == about if about else namespace in ("", "default")
    if not is_there:
        found.append(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    if new.get("eventTime"):
        _check_new_style(new, found)
    return found


def _check_new_style(event: Obj, found: Found) -> None:
    """Events that have an eventTime say who reports and what was done."""
    controller = event.get("reportingComponent") or ""
    if not controller:
        found.append(required("reportingController"))
    check_text("reportingController", controller, names.qualified_name, found)
    for field, limit in _TEXT_MAX.items():
        text = event.get(field) or ""
        if not text and field != "message":
            found.append(required(field))
        if len(text.encode()) > limit:
            found.append(invalid(field, "", f"can have at most {limit} characters"))


def _first_seen(event: Obj, now: float) -> str:
    return since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _last_seen(event: Obj, now: float) -> str:
    if series := event.get("series"):
        return since(series.get("lastObservedTime"), now)
    return since(event.get("lastTimestamp"), now) if event.get("lastTimestamp") else _first_seen(event, now)


def _count(event: Obj) -> int:
    if series := event.get("series"):
        return int(series.get("count") or 0)
    return int(event.get("count") or 1)


def _subject(event: Obj) -> str:
    subject = event.get("involvedObject") or {}
    kind = (subject.get("kind") or "").lower()
    return f"{kind}/{subject['name']}" if subject.get("name") else kind


def _source(event: Obj) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else component


def _cell(field: str) -> Any:
    return lambda event, now: (event.get(field) or "").strip()


def _involved(field: str) -> Any:
    return lambda event: (event.get("involvedObject") or {}).get(field) or ""


EVENT = Kind(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    problems=_problems,
    columns=(
        Column("Last Seen", _last_seen),
        Column("Type", _cell("type")),
        Column("Reason", _cell("reason")),
        Column("Object", lambda event, now: _subject(event)),
        wide("Subobject", _involved("fieldPath")),
        wide("Source", _source),
        Column("Message", _cell("message")),
        Column("First Seen", _first_seen, priority=1),
        wide("Count", _count),
        Column("Name", lambda event, now: event["metadata"].get("name", ""), format="name", priority=1),
    ),
    fields={
        **{f"involvedObject.{field}": _involved(field) for field in _OBJECT_FIELDS},
        "reason": lambda event: event.get("reason") or "",
        "reportingComponent": lambda event: event.get("reportingComponent") or "",
        "source": lambda event: (event.get("source") or {}).get("component") or event.get("reportingComponent") or "",
        "type": lambda event: event.get("type") or "",
    },
    created_by_update=True,
)
