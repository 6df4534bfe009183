"""Whether a body has the shape of its kind: types, unknown and duplicate fields; and how the kind's lists merge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api import schema
from podo.api.errors import ApiError, bad_request
from podo.api.kind import Kind, Obj
from podo.api.schema import layout as of_type
from podo.api.schema.layout import layout_of
from podo.api.structural.schema import StructuralSchema
from podo.apiserver.call import Call
from podo.values.fields.layout import Struct


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


def check_validation(text: str) -> str:
    """The fieldValidation parameter. Raises Invalid."""
    if text and text not in schema.VALIDATIONS:
        supported = ", ".join(f'"{one}"' for one in ("", "Ignore", "Strict", "Warn"))
        why = f'fieldValidation: Unsupported value: "{text}": supported values: {supported}'
        raise ApiError("Invalid", f'CreateOptions.meta.k8s.io "" is invalid: {why}')
    return text or "Warn"


def conform(call: Call, obj: Obj) -> Obj:
    """Bring a body into the stored form, in place; tell the call's warnings. Raises BadRequest."""
    kind = call.kind
    for name, expected in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        found = obj.get(name) or expected
        if found != expected:
            raise bad_request(_mismatch(call, obj))
        obj[name] = found
    call.warnings.extend(schema.accept(obj, kind, call.field_validation, call.duplicates))
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    return obj


def _mismatch(call: Call, obj: Obj) -> str:
    kind = call.kind
    found = f"{obj.get('apiVersion', '')}, Kind={obj.get('kind', '')}"
    expected = f"{kind.api_version}, Kind={kind.kind}"
    return f"the object provided is unrecognized (must be of type {kind.kind}): {found} is not {expected}"
