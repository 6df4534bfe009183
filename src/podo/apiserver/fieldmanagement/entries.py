"""The entries of ``metadata.managedFields``: read, checked when a client sends them, written in upstream's order.

While a write is worked on they are ``Managed``: who, mapped to what and since when.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from podo.api.kind import Obj
from podo.values.fields import Fields, union
from podo.values.fields.elements import FieldsError, checked

APPLY = "Apply"
UPDATE = "Update"
#: As many entries of updates are kept; older ones are merged into one.
MAX_UPDATES = 10
ANCIENT = "ancient-changes"
_FIELDS_TYPE = "FieldsV1"


class Manager(NamedTuple):
    """Who owns fields. ``version`` is the apiVersion of an update; an applier is the same in all versions ("")."""

    name: str
    operation: str
    version: str
    subresource: str


class Share(NamedTuple):
    """What a manager owns. ``version``: the apiVersion whose fields these are. ``time``: of its last change, or ""."""

    version: str
    fields: Fields
    time: str


Managed = dict[Manager, Share]


class EntryError(ValueError):
    """A client's managedFields are not what they have to be."""


def manager_of(entry: dict[str, Any]) -> Manager:
    operation = entry["operation"]
    version = "" if operation == APPLY else entry["apiVersion"]
    return Manager(entry.get("manager") or "", operation, version, entry.get("subresource") or "")


def read(metadata: dict[str, Any]) -> Managed:
    """The entries of a stored object, which the server has written."""
    return {
        manager_of(entry): Share(entry["apiVersion"], entry.get("fieldsV1") or {}, entry.get("time") or "")
        for entry in metadata.get("managedFields") or ()
    }


def read_checked(sent: Any) -> Managed:
    """The entries a client sent. Raises EntryError."""
    found: Managed = {}
    for index, entry in enumerate(sent if isinstance(sent, list) else ()):
        _check(entry, index)
        try:
            fields = checked(entry.get("fieldsV1") or {})
        except FieldsError as problem:
            raise EntryError(f"managed fields entry {index}: {problem}") from None
        found[manager_of(entry)] = Share(entry["apiVersion"], fields, entry.get("time") or "")
    return found


def _check(entry: Any, index: int) -> None:
    if not isinstance(entry, dict) or entry.get("operation") not in (APPLY, UPDATE):
        raise EntryError(f"managed fields entry {index}: operation must be `{APPLY}` or `{UPDATE}`")
    if not entry.get("apiVersion"):
        raise EntryError(f"managed fields entry {index}: apiVersion must not be empty")
    if entry.get("fieldsType") != _FIELDS_TYPE:
        raise EntryError(f"managed fields entry {index}: fieldsType must be {_FIELDS_TYPE}")


def is_reset(sent: Any) -> bool:
    """Does a client ask with ``[]`` or ``[{}]`` to forget who owns what?"""
    return sent in ([], [{}])


def write(metadata: dict[str, Any], managed: Managed) -> None:
    """Put the entries into an object's metadata; none at all if nobody owns anything."""
    found = [_entry(manager, share) for manager, share in managed.items() if share.fields]
    if not found:
        metadata.pop("managedFields", None)
        return
    if len(found) > 1:
        found.sort(key=_order)
    metadata["managedFields"] = found


def _order(entry: Obj) -> tuple[str, ...]:
    when = entry.get("time", "")
    return entry["operation"], when, entry["manager"], entry["apiVersion"], entry.get("subresource", "")


def _entry(manager: Manager, share: Share) -> Obj:
    entry = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": share.version,
        "time": share.time,
        "fieldsType": _FIELDS_TYPE,
        "fieldsV1": share.fields,
    }
    if not share.time:
        del entry["time"]
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def without_times(sent: Any) -> list[dict[str, Any]]:
    """Entries for comparison: a write that changes only when they were made changes nothing."""
    return [{key: value for key, value in entry.items() if key != "time"} for entry in sent or ()]


def capped(managed: Managed) -> Managed:
    """At most ``MAX_UPDATES`` updates: the oldest of a version are merged into one entry of ``ANCIENT``."""
    if len(managed) <= MAX_UPDATES:
        return managed
    updates = [manager for manager in managed if manager.operation == UPDATE]
    if len(updates) <= MAX_UPDATES:
        return managed
    found = dict(managed)
    excess = len(updates) - MAX_UPDATES
    first: dict[str, Manager] = {}
    for manager in sorted(updates, key=lambda one: (managed[one].time, one)):
        if excess <= 0:
            break
        share = found[manager]
        if share.version not in first:
            first[share.version] = manager
            continue
        bucket = Manager(ANCIENT, UPDATE, share.version, "")
        if bucket not in found:
            found[bucket] = found.pop(first[share.version])
        if manager != bucket:
            del found[manager]
            found[bucket] = Share(share.version, union(found[bucket].fields, share.fields), share.time)
            excess -= 1
    return found
