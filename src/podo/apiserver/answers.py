"""Answers of operations as HTTP responses, in the form the client asked for. Stored bytes are passed on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from podo.api.encoding import JSON, PROTOBUF, YAML, dumps
from podo.api.kind import Kind, Obj
from podo.api.kinds.autoscaling.scale import SCALE
from podo.apiserver import protobuf_writing, stored
from podo.apiserver.call import Call, Written
from podo.apiserver.negotiate import Form
from podo.apiserver.table import checked_include, object_form, partial, row, table
from podo.apiserver.verbs.list import Listing
from podo.http.body import Joined
from podo.http.message import Response
from podo.storage.contract import Record

#: Characters of all warnings of an answer, and of one that is cut.
WARNINGS_MAX = 4096
WARNING_CUT = 256


def warning_headers(warnings: Sequence[str]) -> list[tuple[str, str]]:
    """Each warning once, as RFC 7234 has it (299: miscellaneous, persistent). Where they are too long all together, as
    upstream: each is cut, and the last are left out."""
    told = list(dict.fromkeys(warnings))
    if sum(map(len, told)) > WARNINGS_MAX:
        told = _cut(told)
    return [("Warning", f"299 - {_quoted(text)}") for text in told]


def _cut(warnings: Sequence[str]) -> list[str]:
    told: list[str] = []
    written = 0
    for text in warnings:
        if written >= WARNINGS_MAX:
            break
        told.append(text[:WARNING_CUT])
        written += len(told[-1])
    return told


def _quoted(text: str) -> str:
    safe = "".join(letter if letter.isprintable() and letter.isascii() else " " for letter in text)
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


def in_media(value: bytes, form: Form, code: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """JSON bytes as they are, or as YAML or protobuf (but for types that have no such form)."""
    if form.media == PROTOBUF:
        written = protobuf_writing.encode(orjson.loads(value))
        return Response(code, written, PROTOBUF, headers) if written else Response(code, value, JSON, headers)
    if form.media != YAML:
        return Response(code, value, JSON, headers)
    import yaml  # slow to import, and rarely asked for

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return Response(code, yaml.dump(orjson.loads(value), Dumper=dumper, sort_keys=False).encode(), YAML, headers)


def status_answer(status: Obj, form: Form, headers: Sequence[tuple[str, str]] = ()) -> Response:
    return in_media(dumps(status), form, int(status.get("code") or 200), headers)


def object_answer(call: Call, written: Written, form: Form, include: str, now: float) -> Response:
    """One object, or the Status that a write answered instead."""
    value = written.value
    if form.as_kind and not _is_status(value):
        shown = SCALE if call.subresource == "scale" else _plain(call.kind)
        value = object_form(form, include).render(shown, value, now)
    return in_media(value, form, written.code, warning_headers(call.warnings))


def _is_status(value: bytes) -> bool:
    return value.startswith(b'{"kind":"Status"')


def _plain(kind: Kind) -> Kind:
    """A kind whose values are in its own form already: answers of writes are presented before they come here."""
    return kind.stored_as or kind


def record_answer(call: Call, record: Record, form: Form, include: str, now: float) -> Response:
    """One stored object."""
    value = object_form(form, include).render(call.kind, record.value, now) if form.as_kind else record.value
    if call.kind.from_stored and not form.as_kind:
        value = stored.presented(call.kind, value)
    return in_media(value, form, 200, warning_headers(call.warnings) if call.warnings else ())


def list_answer(call: Call, listing: Listing, form: Form, include: str, now: float) -> Response:
    """A list in its own form, as a Table or of metadata only."""
    metadata: Obj = {"resourceVersion": str(listing.revision)}
    if listing.continue_token:
        metadata["continue"] = listing.continue_token
        if listing.remaining is not None:
            metadata["remainingItemCount"] = listing.remaining
    headers = warning_headers(call.warnings) if call.warnings else ()
    if form.as_kind == "Table":
        body = dumps(_table(call.kind, listing, metadata, checked_include(include), now))
        return in_media(body, form, headers=headers)
    if form.as_kind:
        items = [partial(stored.load(call.kind, record.value)) for record in listing.records]
        if form.media == PROTOBUF:
            return Response(200, protobuf_writing.encode_partial_list(metadata, items), PROTOBUF, headers)
        whole = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        return in_media(dumps({**whole, "items": items}), form, headers=headers)
    if form.media == PROTOBUF:
        values = (stored.presented(call.kind, record.value) for record in listing.records)
        return Response(200, protobuf_writing.encode_list(call.kind, metadata, values), PROTOBUF, headers)
    whole_list = _body(call.kind, metadata, listing.records)
    if form.media == YAML:
        return in_media(b"".join(whole_list), form, headers=headers)
    return Response(200, whole_list, headers=headers)


def _table(kind: Kind, listing: Listing, metadata: Obj, include: str, now: float) -> Any:
    found = [stored.load(kind, record.value) for record in listing.records]
    if kind.row_order is not None:
        found.sort(key=kind.row_order)
    return table(kind, [row(kind, obj, include, now) for obj in found], metadata)


def _body(kind: Kind, metadata: Obj, records: list[Record]) -> Joined:
    """The list whose items are the stored bytes."""
    head = b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % (
        kind.list_kind.encode(),
        kind.api_version.encode(),
        dumps(metadata),
    )
    if kind.from_stored:
        return Joined(head, [stored.presented(kind, record.value) for record in records], b"]}")
    return Joined(head, [record.value for record in records], b"]}")
