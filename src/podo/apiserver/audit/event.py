"""An entry as an Event of audit.k8s.io/v1. Pure; runs in the journal's thread."""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from podo.api.encoding import YAML, decode_value
from podo.api.errors import ApiError
from podo.apiserver.audit.entry import Entry
from podo.apiserver.audit.policy import LEVEL_NAMES, Level
from podo.values import timestamp

_GZIP = b"\x1f\x8b"
#: Larger bodies are left out.
MOST_BODY = 1 << 20


def event_of(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": LEVEL_NAMES[entry.verdict.level],
        "auditID": entry.audit_id,
        "stage": entry.stage,
        "requestURI": entry.uri,
        "verb": entry.asked.verb,
        "user": entry.user.info(),
    }
    if entry.acting is not None:
        found["impersonatedUser"] = entry.acting.info()
    if entry.source:
        found["sourceIPs"] = [entry.source]
    if entry.agent:
        found["userAgent"] = entry.agent
    if not entry.asked.path:
        found["objectRef"] = _reference(entry)
    if entry.code:
        found["responseStatus"] = _status(entry)
    _add_bodies(found, entry)
    found["requestReceivedTimestamp"] = timestamp.micro_time(entry.received)
    found["stageTimestamp"] = timestamp.micro_time(entry.time)
    if entry.annotations:
        found["annotations"] = entry.annotations
    return found


def _reference(entry: Entry) -> dict[str, str]:
    asked = entry.asked
    resource, _, subresource = asked.resource.partition("/")
    named = {
        "resource": resource,
        "namespace": asked.namespace,
        "name": asked.name,
        "apiGroup": asked.group,
        "apiVersion": entry.version,
        "subresource": subresource,
    }
    return {field: value for field, value in named.items() if value}


def _status(entry: Entry) -> dict[str, Any]:
    """Of a refusal also the words, which hold no values of Secrets."""
    status: dict[str, Any] = {"metadata": {}, "code": entry.code}
    if entry.code >= 400 and isinstance(said := _decoded(entry.answered), dict):
        status |= {field: said[field] for field in ("status", "message", "reason") if said.get(field)}
    return status


def _add_bodies(found: dict[str, Any], entry: Entry) -> None:
    level = entry.verdict.level
    if level >= Level.REQUEST and (sent := _sent(entry)) is not None:
        found["requestObject"] = _without_managed_fields(sent, entry)
    if level >= Level.RESPONSE and (answered := _decoded(entry.answered)) is not None:
        found["responseObject"] = _without_managed_fields(answered, entry)


def _sent(entry: Entry) -> Any:
    """Protobuf is left out, and what the server itself does not read: aliases that grow."""
    if "yaml" not in entry.sent_type:
        return _decoded(entry.sent)
    try:
        return decode_value(entry.sent, YAML)[0] if entry.sent and len(entry.sent) <= MOST_BODY else None
    except ApiError:
        return None


def _decoded(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        if body.startswith(_GZIP):  # not more than is noted, of what a client may have sent
            body = zlib.decompressobj(wbits=31).decompress(body, MOST_BODY + 1)
        return orjson.loads(body) if len(body) <= MOST_BODY else None
    except (ValueError, zlib.error):
        return None


def _without_managed_fields(obj: Any, entry: Entry) -> Any:
    if entry.verdict.omit_managed_fields and isinstance(obj, dict):
        for one in (obj, *(obj.get("items") or ())):
            if isinstance(one, dict) and isinstance(one.get("metadata"), dict):
                one["metadata"].pop("managedFields", None)
    return obj
