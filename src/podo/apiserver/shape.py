"""Whether a body has the shape of its kind: types, unknown and duplicate fields, as field validation asks; and how its lists merge."""

from __future__ import annotations

from podo.api.errors import bad_request
from podo.api.kind import Kind, Obj
from podo.apiserver.call import Call
from podo.values.patch import strategic


def merging(kind: Kind) -> strategic.Schema | None:
    return None


def conform(call: Call, obj: Obj) -> Obj:
    """The object, its type checked or filled in. Raises BadRequest."""
    kind = call.kind
    for name, expected in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        found = obj.get(name) or expected
        if found != expected:
            raise bad_request(_mismatch(call, obj))
        obj[name] = found
    if not isinstance(obj.setdefault("metadata", {}), dict):
        raise bad_request("metadata must be an object")
    return obj


def _mismatch(call: Call, obj: Obj) -> str:
    kind = call.kind
    return f"{obj.get('kind')} in version \"{obj.get('apiVersion')}\" cannot be handled as a {kind.kind}"


