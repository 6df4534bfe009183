"""What the server itself writes into ``metadata``: generated names, uid, times, generation; and what updates keep."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api import meta
from podo.api.errors import ApiError, invalid_of
from podo.api.kind import Kind, Obj, Problem
from podo.apiserver.call import Call
from podo.runtime.chance import Chance
from podo.values import timestamp

_MAX_GENERATED = 63
_SUFFIX = 5
_VERSION_DIGITS = 20
#: Fields of metadata that only the server sets.
_SERVER_OWNED = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
#: Not kept: gone from the API.
_DROPPED = ("selfLink",)
#: Left out when they are empty, as upstream's encoding does.
_NOT_EMPTY = ("labels", "annotations", "finalizers", "ownerReferences")

NAMESPACE_MISMATCH = "the namespace of the provided object does not match the namespace sent on the request"
CHANGED = "the object has been modified; please apply your changes to the latest version and try again"

#: What is told of owners that are named twice: by the client, and by what admission has made of the object.
REPEATED_OWNERS = ".metadata.ownerReferences contains duplicate entries"
REPEATED_BY_ADMISSION = f"{REPEATED_OWNERS} after mutating admission happens"
_REPEATED_ADVICE = (
    "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; "
    "please fix your requests"
)


def version_required(call: Call) -> ApiError:
    """An update without a resourceVersion, of a kind that takes none such."""
    why = "Invalid value: 0: must be specified for an update"
    about = {"name": call.name, "group": call.kind.group, "kind": call.kind.plural}
    return invalid_of(call.kind.resource, about, [Problem("metadata.resourceVersion", "FieldValueInvalid", why)])


def match_namespace(call: Call, obj: Obj) -> None:
    """Put the request's namespace into the object, or refuse another one."""
    found = meta.metadata(obj)
    named = found.get("namespace") or ""
    if not call.namespace:
        found.pop("namespace", None)
    elif not named:
        found["namespace"] = call.namespace
    elif named != call.namespace:
        raise ApiError("BadRequest", NAMESPACE_MISMATCH)


def check_name(call: Call, name: str | None) -> None:
    """The object that is sent must be the one that is asked for. Raises BadRequest."""
    if not name:
        why = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise ApiError("BadRequest", why)
    if name != call.name:
        raise ApiError(
            "BadRequest", f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )


def is_version(text: str) -> bool:
    """Does a resourceVersion name a version? An empty one, 0 and what is no number do not."""
    return text.isascii() and text.isdigit() and len(text) <= _VERSION_DIGITS and int(text) > 0


def drop_repeated_owners(call: Call, found: dict[str, Any], what: str) -> None:
    """Of owner references that are equal the first stays, and the client is told. ``what``: the beginning of that."""
    owners = found.get("ownerReferences")
    if not owners or len(owners) < 2:
        return
    kept: list[Any] = []
    repeated: list[str] = []
    for owner in owners:
        if owner in kept:
            repeated.append(owner.get("uid") or "")
        else:
            kept.append(owner)
    if repeated:
        found["ownerReferences"] = kept
        call.warnings.append(f"{what}; {_REPEATED_ADVICE}; duplicate UID(s) observed: {', '.join(repeated)}")


def generated_name(prefix: str, chance: Chance) -> str:
    return prefix[: _MAX_GENERATED - _SUFFIX] + chance.suffix(_SUFFIX)


@lru_cache(maxsize=16)
def _second(now: int) -> str:
    return timestamp.time(now)


def stamp_new(obj: Obj, now: float, chance: Chance) -> bool:
    """The server's fields of a new object. True if its name was generated."""
    found = meta.metadata(obj)
    _drop_empty(found)
    for name in (*_SERVER_OWNED, *_DROPPED, "resourceVersion"):
        found.pop(name, None)
    found["uid"] = chance.uid()
    found["creationTimestamp"] = _second(int(now))
    if found.get("name") or not found.get("generateName"):
        return False
    found["name"] = generated_name(found["generateName"], chance)
    return True


def keep_server_fields(new: Obj, old: Obj) -> None:
    """An update cannot change what the server owns: take it from ``old``."""
    found, before = meta.metadata(new), old["metadata"]
    _drop_empty(found)
    for name in _DROPPED:
        found.pop(name, None)
    for name in (*_SERVER_OWNED, "resourceVersion", "name", "namespace"):
        if name in before:
            found[name] = before[name]
        else:
            found.pop(name, None)


def _drop_empty(metadata: dict[str, Any]) -> None:
    for name in _NOT_EMPTY:
        if name in metadata and not metadata[name]:
            del metadata[name]


def raise_generation(kind: Kind, new: Obj, old: Obj) -> None:
    """``metadata.generation`` counts the changes of the wanted state."""
    if kind.generation and _wanted(kind, new) != _wanted(kind, old):
        new["metadata"]["generation"] = int(old["metadata"].get("generation") or 0) + 1


_NOT_WANTED = frozenset({"metadata", "status", "apiVersion", "kind"})
_NOT_WANTED_WITHOUT_STATUS = _NOT_WANTED - {"status"}


def _wanted(kind: Kind, obj: Obj) -> dict[str, Any]:
    others = _NOT_WANTED if kind.has_status or kind.custom is None else _NOT_WANTED_WITHOUT_STATUS
    return {name: value for name, value in obj.items() if name not in others}
