"""Applying a decoded patch to an object, by the three forms that change what is there."""

from __future__ import annotations

from typing import Any

from podo.api.errors import ApiError, bad_request, conflict, invalid
from podo.api.kind import Obj, Problem
from podo.apiserver import shape
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
    try:
        lists = shape.merging(call.kind) if form == "strategic" else None
        new = apply(old, changes, form, lists)
    except json.TooLong as problem:
        raise ApiError("RequestEntityTooLarge", str(problem)) from None
    except PatchError as problem:
        if form == "json":
            raise ApiError(
                "Invalid", f"the server rejected our request due to an error in our request: {problem}"
            ) from None
        raise bad_request(str(problem)) from None
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise bad_request("the patched value is not an object with metadata")
    shape.conform(call, new)
    check_identity(call, new, identity)
    return new


def apply(old: Obj, changes: Any, form: str, lists: strategic.Schema | None) -> Any:
    """The bare application. ``lists`` tells a strategic merge patch how lists merge. Raises PatchError."""
    if form == "json":
        return json.apply(old, changes)
    if not isinstance(changes, dict):
        raise PatchError(f"a {form} patch must be an object")
    if form == "merge":
        return merge.apply(old, changes)
    return strategic.apply(old, changes, lists)


def identity_of(obj: Obj) -> list[Any]:
    """Name, namespace and uid, to be checked once a patch has been at the object."""
    return [obj["metadata"].get(name) for name in _IDENTITY]


def check_identity(call: Call, new: Obj, identity: list[Any]) -> None:
    """A patch may not make another object of it."""
    for name, before in zip(_IDENTITY, identity, strict=True):
        found = new["metadata"].get(name)
        if found == before:
            continue
        if name == "uid" and found:
            why = f"Precondition failed: UID in precondition: {found}, UID in object meta: {before}"
            raise conflict(call.kind, call.name, why)
        problem = Problem(f"metadata.{name}", "FieldValueInvalid", f'Invalid value: "{found}": field is immutable')
        raise invalid(call.kind, call.name, [problem])


def patched_scale(scale: Obj, changes: Any, form: str) -> Obj:
    """A Scale after a patch: it has no lists, so the strategic form is the merge form. Raises BadRequest."""
    try:
        found = apply(scale, changes, form, None)
    except PatchError as problem:
        raise bad_request(str(problem)) from None
    return found if isinstance(found, dict) else {}
