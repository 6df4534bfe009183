"""The scale subresource: the number of replicas of any kind that has one, in one form (autoscaling/v1 Scale)."""

from __future__ import annotations

from collections.abc import Callable

from podo.api.encoding import dumps, load
from podo.api.errors import ApiError, invalid
from podo.api.kind import Obj, Problem, ScalePaths
from podo.api.kinds.autoscaling.scale import scale_of, set_scale
from podo.apiserver import validation
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import MAIN, Scope, rewrite
from podo.apiserver.verbs.get import get

_SCALE = Scope(MAIN.merge, validation.check_update, is_main=True)


async def get_scale(backend: Backend, call: Call) -> Written:
    """The Scale of the stored object. Raises NotFound."""
    return Written(dumps(scale_of(load((await get(backend, call)).value), _paths(call))))


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

    written = await rewrite(backend, call, change, _SCALE)
    return Written(dumps(scale_of(load(written.value), paths)))


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
