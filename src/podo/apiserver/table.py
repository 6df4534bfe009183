"""The transformed forms of objects: Tables, which ``kubectl get`` prints, and PartialObjectMetadata.

Source: "Receiving resources as Tables" of the Kubernetes API concepts; meta.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from podo.api.columns import AGE, NAME
from podo.api.encoding import PROTOBUF, dumps
from podo.api.errors import bad_request
from podo.api.kind import Column, Kind, Obj
from podo.apiserver import protobuf_writing, stored
from podo.apiserver.negotiate import Form

_META = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class ObjectForm:
    """An object as is. ``name`` tells the forms apart where encoded bytes are shared."""

    name: str = ""

    def render(self, kind: Kind, value: bytes, now: float) -> bytes:
        return stored.presented(kind, value)

    def small(self, kind: Kind, obj: Obj, now: float) -> bytes:
        """The object of a bookmark, or the Status of an error, in this form."""
        return dumps(obj)

    def framed(self, type: str, value: bytes) -> bytes:
        """An event of a watch about an object in this form."""
        return b'{"type":"%b","object":%b}\n' % (type.encode(), value)


@dataclass(frozen=True, slots=True)
class ProtobufForm(ObjectForm):
    """In protobuf, of a kind that has such a form."""

    whole: bool = True

    def render(self, kind: Kind, value: bytes, now: float) -> bytes:
        return self.small(kind, orjson.loads(stored.presented(kind, value)), now)

    def small(self, kind: Kind, obj: Obj, now: float) -> bytes:
        shown = obj if self.whole or obj["kind"] == "Status" else partial(obj)
        return protobuf_writing.encode(shown) or b""

    def framed(self, type: str, value: bytes) -> bytes:
        return protobuf_writing.frame(type, value)


@dataclass(frozen=True, slots=True)
class PartialForm(ObjectForm):
    """Only the metadata."""

    def render(self, kind: Kind, value: bytes, now: float) -> bytes:
        return dumps(partial(stored.load(kind, value)))

    def small(self, kind: Kind, obj: Obj, now: float) -> bytes:
        return dumps(partial(obj))


@dataclass(frozen=True, slots=True)
class TableForm(ObjectForm):
    """A Table of one row. ``include``: "None", "Metadata" or "Object"."""

    include: str = "Metadata"
    headed: bool = True

    def render(self, kind: Kind, value: bytes, now: float) -> bytes:
        return dumps(self._table(kind, [row(kind, stored.load(kind, value), self.include, now)], {}))

    def small(self, kind: Kind, obj: Obj, now: float) -> bytes:
        cells = [None if column.type != "string" else "" for column in columns(kind)]
        blank = {"cells": cells, "object": obj if self.include == "Object" else partial(obj)}
        return dumps(self._table(kind, [blank], {"resourceVersion": obj["metadata"]["resourceVersion"]}))

    def _table(self, kind: Kind, rows: list[Obj], metadata: Obj) -> Obj:
        return table(kind, rows, metadata, headed=self.headed)


def object_form(form: Form, include: str) -> ObjectForm:
    """How single objects look in a negotiated form. ``include``: the includeObject parameter. Raises BadRequest."""
    if form.media == PROTOBUF:
        return ProtobufForm("protobuf/partial" if form.as_kind else "protobuf", whole=not form.as_kind)
    if form.as_kind == "Table":
        wanted = checked_include(include)
        return TableForm(f"table/{wanted}", wanted)
    if form.as_kind:
        return PartialForm("partial")
    return ObjectForm()


def checked_include(include: str) -> str:
    if include not in ("", "None", "Metadata", "Object"):
        why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {why}")
    return include or "Metadata"


def columns(kind: Kind) -> Sequence[Column]:
    return kind.columns or (NAME, AGE)


def partial(obj: Obj) -> Obj:
    """``meta.k8s.io/v1 PartialObjectMetadata``."""
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}


def row(kind: Kind, obj: Obj, include: str, now: float) -> Obj:
    """One row: the cells, and of the object what was asked for."""
    found: Obj = {"cells": [column.cell(obj, now) for column in columns(kind)]}
    if include == "Metadata":
        found["object"] = partial(obj)
    else:
        found["object"] = obj if include == "Object" else None
    if kind.row_conditions is not None and (conditions := kind.row_conditions(obj)):
        found["conditions"] = conditions
    return found


def table(kind: Kind, rows: list[Obj], metadata: Obj, *, headed: bool = True) -> Obj:
    """``meta.k8s.io/v1 Table``; later events of a watch leave the column definitions out."""
    heads: list[dict[str, Any]] | None = [_definition(column) for column in columns(kind)] if headed else None
    return {"kind": "Table", "apiVersion": _META, "metadata": metadata, "columnDefinitions": heads, "rows": rows}


def _definition(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }
