"""Whether a body has the shape of its kind: types, unknown and duplicate fields; and how the kind's lists merge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from podo.api import schema
from podo.api.errors import bad_request
from podo.api.kind import Kind, Obj
from podo.api.schema import layout as of_type
from podo.api.schema.layout import layout_of
from podo.apiserver.call import Call
from podo.values.fields.layout import Struct

if TYPE_CHECKING:
    from podo.api.structural.schema import StructuralSchema


def type_of(kind: Kind) -> schema.Type | StructuralSchema:
    """What decodes the bodies of a kind."""
    return kind.custom or schema.type_of(kind.group, kind.version, kind.kind)


def merging(kind: Kind) -> schema.Type:
    """What a strategic merge patch must know of a built-in kind."""
    return schema.type_of(kind.group, kind.version, kind.kind)


def layout(kind: Kind) -> Struct:
    """How objects of a kind divide into fields that can be owned."""
    return kind.custom.layout if kind.custom else layout_of(merging(kind))


def blank(kind: Kind) -> dict[str, Any]:
    """What there is of an object of a kind before anything is set. Not to be changed."""
    return kind.custom.blank if kind.custom else of_type.blank(merging(kind))


def fields(kind: Kind) -> Iterable[str]:
    """The names of the fields on the top of an object."""
    return kind.custom.fields if kind.custom else merging(kind).fields


def conform(call: Call, obj: Obj) -> Obj:
    """Bring a body into the stored form, in place; tell the call's warnings. Raises BadRequest."""
    kind = call.kind
    for name, expected in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        found = obj.get(name) or expected
        if found != expected:
            raise bad_request(_mismatch(call, obj))
        obj[name] = found
    _accept(call, obj)
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    return obj


#: Bodies without their metadata, encoded, that were found to be in the stored form as they came, with their kind. Those
#: of objects made from one template are alike.
_accepted: set[tuple[Kind, bytes]] = set()
_ACCEPTED_MAX, _LARGEST = 1024, 8192


def _accept(call: Call, obj: Obj) -> None:
    kind, known = call.kind, _encoded_rest(obj)
    if known is not None and (kind, known) in _accepted and not call.duplicates:
        call.warnings.extend(schema.accept({"metadata": obj.get("metadata")}, kind, call.field_validation))
        return
    call.warnings.extend(schema.accept(obj, kind, call.field_validation, call.duplicates))
    if known is not None and kind.custom is None and known == _encoded_rest(obj):
        if len(_accepted) >= _ACCEPTED_MAX:
            _accepted.clear()
        _accepted.add((kind, known))


def _encoded_rest(obj: Obj) -> bytes | None:
    """The object without its metadata; None if it is large, or not of JSON."""
    try:
        encoded = orjson.dumps({name: value for name, value in obj.items() if name != "metadata"})
    except TypeError:
        return None
    return encoded if len(encoded) <= _LARGEST else None


def _mismatch(call: Call, obj: Obj) -> str:
    kind = call.kind
    found = f"{obj.get('apiVersion', '')}, Kind={obj.get('kind', '')}"
    expected = f"{kind.api_version}, Kind={kind.kind}"
    return f"the object provided is unrecognized (must be of type {kind.kind}): {found} is not {expected}"
