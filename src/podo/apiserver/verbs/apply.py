"""apply: server-side apply of a configuration to an object, which is created if it is not there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from podo.api.errors import conflict
from podo.api.kind import Obj
from podo.apiserver import patching, shape, stored
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.fieldmanagement import applying, tracking
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import scope_of
from podo.apiserver.verbs import absent
from podo.apiserver.verbs.create import create


async def apply(backend: Backend, call: Call, sent: Any) -> Written:
    """Apply the decoded configuration ``sent`` as ``call.manager``.

    Raises Conflict with a cause for each field that others own, unless ``call.force`` is true.
    """
    config = applying.prepared(call, sent)
    scope = replace(scope_of(call), manage=tracking.kept)

    def produce(old: Obj) -> Obj:
        identity = patching.identity_of(old)
        new = shape.conform(call, applying.applied(call, old, config, backend.clock.now()))
        patching.check_identity(call, new, identity)
        return new

    async def change() -> Written:
        return await rewrite(backend, call, produce, scope, copied=False)

    if call.subresource:
        return await change()
    return await absent.change_or_create(call, change, partial(_create, backend, call, config))


async def _create(backend: Backend, call: Call, config: Obj) -> Written:
    if uid := config["metadata"].get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(call.kind, call.name, why)
    absent.check_may_create(call)
    now = backend.clock.now()
    obj = shape.conform(call, applying.applied(call, None, config, now))
    obj["metadata"].pop("resourceVersion", None)  # what is not there has none that could differ
    written = await create(backend, call, obj, tracking.kept_new)
    return Written(stored.presented(call.kind, written.value), written.code)
