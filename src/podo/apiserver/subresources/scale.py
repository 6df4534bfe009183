"""The scale subresource: the number of replicas of any kind that has one, in one form (autoscaling/v1 Scale)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from podo.api.encoding import dumps, load
from podo.api.errors import ApiError, invalid
from podo.api.kind import Obj, Problem, ScalePaths
from podo.api.kinds.autoscaling.scale import SCALE, has_replicas, scale_of, set_scale
from podo.apiserver import shape, stored, validation
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.fieldmanagement import tracking
from podo.apiserver.fieldmanagement.applying import applied
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import MAIN, Admission, Scope
from podo.apiserver.verbs.get import get


def _scope(paths: ScalePaths) -> Scope:
    """A write of the whole object of which admission sees the Scale."""

    def take(obj: Obj, scale: Obj) -> None:
        set_scale(obj, scale, paths)

    shown = Admission(lambda obj: scale_of(obj, paths), take)
    return Scope(MAIN.merge, validation.check_update, is_main=True, admission=shown)


async def get_scale(backend: Backend, call: Call) -> Written:
    """The Scale of the stored object. Raises NotFound."""
    obj = stored.load(call.kind, (await get(backend, call)).value)
    if call.kind.custom is not None and not has_replicas(obj, _paths(call)):
        field = _paths(call).spec_replicas
        raise ApiError("InternalError", f'Internal error occurred: the spec replicas field ".{field}" does not exist')
    return Written(dumps(scale_of(obj, _paths(call))))


async def change_scale(backend: Backend, call: Call, produce: Callable[[Obj], Obj]) -> Written:
    """``produce`` gives the wanted Scale for the present one; only its ``spec.replicas`` is taken."""
    paths = _paths(call)

    def change(obj: Obj) -> Obj:
        scale = produce(scale_of(obj, paths))
        _check_metadata(call, scale)
        _check_replicas(call, scale)
        set_scale(obj, scale, paths)
        if revision := scale["metadata"].get("resourceVersion"):
            obj["metadata"]["resourceVersion"] = revision
        return obj

    written = await rewrite(backend, call, change, _scope(paths))
    return Written(dumps(scale_of(load(written.value), paths)))


async def apply_scale(backend: Backend, call: Call, sent: Any) -> Written:
    """Server-side apply of a Scale: its manager then owns the number of replicas of the object itself."""
    _check_kind(sent)
    _check_metadata(call, sent)
    if sent["metadata"].get("managedFields") is not None:
        raise ApiError("BadRequest", "metadata.managedFields must be nil")
    _check_applied(call, sent)
    paths = _paths(call)
    config: Obj = {"apiVersion": call.kind.api_version, "kind": call.kind.kind, "metadata": {"name": call.name}}
    if sent["spec"].get("replicas") is not None:
        set_scale(config, sent, paths)

    def change(obj: Obj) -> Obj:
        new = shape.conform(call, applied(call, obj, config, backend.clock.now(), SCALE.api_version))
        if revision := sent["metadata"].get("resourceVersion"):
            new["metadata"]["resourceVersion"] = revision
        return new

    written = await rewrite(backend, call, change, replace(_scope(paths), manage=tracking.kept))
    return Written(dumps(scale_of(load(written.value), paths)))


def _check_kind(sent: Any) -> None:
    found = (sent.get("apiVersion"), sent.get("kind")) if isinstance(sent, dict) else (None, None)
    if found != (SCALE.api_version, SCALE.kind):
        raise ApiError("BadRequest", f"invalid object type: {found[0] or '/'}, Kind={found[1] or ''}")


def _check_applied(call: Call, sent: Obj) -> None:
    spec = sent.setdefault("spec", {})
    if not isinstance(spec, dict) or spec.get("replicas") is not None:
        _check_replicas(call, sent)


def _check_metadata(call: Call, scale: Obj) -> None:
    if not isinstance(scale, dict) or not isinstance(scale.get("metadata", {}), dict):
        raise ApiError("BadRequest", "a Scale must be an object with metadata")
    found = scale.setdefault("metadata", {})
    if found.get("name", call.name) != call.name:
        why = f"the name of the object ({found['name']}) does not match the name on the URL ({call.name})"
        raise ApiError("BadRequest", why)


def _check_replicas(call: Call, scale: Obj) -> None:
    spec = scale.setdefault("spec", {})
    replicas = spec.get("replicas") if isinstance(spec, dict) else ""
    if replicas is None:
        spec["replicas"] = 0
    elif isinstance(replicas, bool) or not isinstance(replicas, int):
        raise ApiError("BadRequest", "spec.replicas must be an integer")
    elif replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid(call.kind, call.name, [Problem("spec.replicas", "FieldValueInvalid", why)])


def _paths(call: Call) -> ScalePaths:
    return call.kind.scale or ScalePaths()
