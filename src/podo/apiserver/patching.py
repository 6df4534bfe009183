"""Applying a decoded patch to an object, by the three forms that change what is there."""

from __future__ import annotations

from typing import Any

from podo.api.errors import ApiError, invalid, unreadable_patch
from podo.api.kind import Obj
from podo.api.rules import IMMUTABLE
from podo.api.rules import invalid as immutable
from podo.api.schema import Unreadable
from podo.api.schema.mismatch import name_of
from podo.apiserver import patchtexts, shape, stamping
from podo.apiserver.call import Call
from podo.values.patch import PatchError, json, merge, strategic

#: Media type of a patch -> its form.
FORMS = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
_IDENTITY = ("name", "namespace", "uid")


def form_of(media_type: str) -> str:
    """The form a media type names. Raises UnsupportedMediaType with the types that are accepted."""
    found = FORMS.get(media_type)
    if found:
        return found
    accepted = ", ".join(FORMS)
    why = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    raise ApiError("UnsupportedMediaType", why)


def not_accepted(media_type: str) -> ApiError:
    """The refusal of a form that a kind cannot be patched by: how custom lists merge is not said."""
    accepted = ", ".join(media for media in FORMS if media != media_type)
    why = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError("UnsupportedMediaType", why)


def patched(call: Call, old: Obj, changes: Any, form: str) -> Obj:
    """``old``, which may be changed, after the patch. Raises BadRequest or Invalid where it cannot be applied."""
    identity = identity_of(old)
    if form == "json":
        patchtexts.check_operations(call, changes)
    try:
        lists = shape.merging(call.kind) if form == "strategic" else None
        new = apply(old, changes, form, lists)
    except json.TooLong as problem:
        raise ApiError("RequestEntityTooLarge", f"Request entity too large: {problem}") from None
    except PatchError as problem:
        raise patchtexts.not_applied(problem, form) from None
    if new.get("metadata") is None:
        new["metadata"] = {}
    try:
        shape.conform(call, new)
    except Unreadable as problem:
        raise unreadable_patch(patchtexts.shown(new, changes, form), problem.why) from None
    check_identity(call, new, identity)
    return new


def apply(old: Obj, changes: Any, form: str, lists: strategic.Schema | None) -> Any:
    """The bare application. ``lists`` tells a strategic merge patch how lists merge. Raises PatchError."""
    if form == "json":
        new = json.apply(old, changes)
        if not isinstance(new, dict):
            raise PatchError("the patched value is not an object")
        return new
    if not isinstance(changes, dict):
        found = f"json: cannot unmarshal {name_of(changes)} into Go value of type map[string]interface {{}}"
        raise PatchError(found if form == "strategic" else f"error decoding patch: {found}")
    if form == "merge":
        return merge.apply(old, changes)
    return strategic.apply(old, changes, lists)


def identity_of(obj: Obj) -> list[Any]:
    """Name, namespace and uid, to be checked once a patch has been at the object."""
    return [obj["metadata"].get(name) for name in _IDENTITY]


def check_identity(call: Call, new: Obj, identity: list[Any]) -> None:
    """A patch may not make another object of it. Raises BadRequest, and Invalid of another uid."""
    found = new["metadata"]
    if [found.get(name) for name in _IDENTITY] == identity:
        return
    stamping.match_namespace(call, new)
    stamping.check_name(call, found.get("name"))
    if (uid := found.get("uid")) and uid != identity[-1]:
        raise invalid(call.kind, call.name, [immutable("metadata.uid", uid, IMMUTABLE)])


def patched_scale(scale: Obj, changes: Any, form: str) -> Obj:
    """A Scale after a patch: it has no lists, so the strategic form is the merge form. Raises BadRequest."""
    try:
        found = apply(scale, changes, form, None)
    except PatchError as problem:
        raise patchtexts.not_applied(problem, form) from None
    return found if isinstance(found, dict) else {}
