"""Writes by verb and subresource, for whoever asks: HTTP and the client in the same process go through here alike."""

from __future__ import annotations

from typing import Any

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.apiserver import patching, shape, stored
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.scopes import SCOPES
from podo.apiserver.subresources import scale
from podo.apiserver.subresources.binding import bind
from podo.apiserver.subresources.eviction import evict
from podo.apiserver.subresources.finalize import finalize
from podo.apiserver.subresources.token import request_token
from podo.apiserver.verbs import apply as applying
from podo.apiserver.verbs import create as creating
from podo.apiserver.verbs import patch as patches
from podo.apiserver.verbs import update as updating


def not_allowed() -> ApiError:
    return ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource")


#: The subresources that each verb writes; "" is the resource itself.
_CREATED = frozenset({"", "binding", "eviction", "token"})
_UPDATED = frozenset({"", "scale", "finalize", *SCOPES})
_PATCHED = frozenset({"", "scale", *SCOPES})


def _check_subresource(call: Call, served: frozenset[str]) -> None:
    if call.subresource not in served or (call.subresource and call.subresource not in call.kind.subresources):
        raise not_allowed()


def check_verb(call: Call) -> None:
    """Raises MethodNotAllowed for what the kind does not do, and for writes to a collection across namespaces."""
    if call.subresource:
        return
    across = call.kind.namespaced and not call.namespace and call.verb in ("create", "deletecollection")
    if across or call.verb not in call.kind.verbs:
        if call.kind.custom is not None and not across:
            why = f"{call.verb} not allowed while custom resource definition is terminating"
            raise ApiError("MethodNotAllowed", why)
        raise not_allowed()


async def create(backend: Backend, call: Call, obj: Obj) -> Written:
    """POST: a new object, or a binding. ``obj`` becomes the server's own."""
    check_verb(call)
    _check_subresource(call, _CREATED)
    if call.subresource == "binding":
        return await bind(backend, call, obj)
    if call.subresource == "eviction":
        return await evict(backend, call, obj)
    if call.subresource == "token":
        return await request_token(backend, backend.tokens, call, obj)
    obj = shape.conform(call, obj)
    written = await creating.create(backend, call, obj)
    return Written(stored.presented(call.kind, written.value), written.code)


async def update(backend: Backend, call: Call, obj: Obj) -> Written:
    """PUT: replace the object or a subresource of it."""
    check_verb(call)
    _check_subresource(call, _UPDATED)
    if call.subresource == "scale":
        return await scale.change_scale(backend, call, lambda old: obj)
    obj = shape.conform(call, obj)
    if call.subresource == "finalize":
        return await finalize(backend, call, obj)
    return await updating.update(backend, call, obj)


async def patch(backend: Backend, call: Call, changes: Any, form: str) -> Written:
    """PATCH by the ``form`` "json", "merge", "strategic" or "apply"."""
    check_verb(call)
    _check_subresource(call, _PATCHED)
    managers.check_apply(call.manager, call.force, is_apply=form == "apply")
    if form == "apply":
        applies = scale.apply_scale if call.subresource == "scale" else applying.apply
        return await applies(backend, call, changes)
    if form not in patching.FORMS.values():
        raise ApiError("UnsupportedMediaType", f"there is no form of patch called {form!r}")
    if form == "strategic" and call.kind.custom is not None:
        raise patching.not_accepted("application/strategic-merge-patch+json")
    if call.subresource != "scale":
        return await patches.patch(backend, call, changes, form)
    return await scale.change_scale(backend, call, lambda old: patching.patched_scale(old, changes, form))
