"""update: replace an object, or the part of it that a subresource writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from podo.api.encoding import dumps, load
from podo.api.errors import conflict
from podo.api.kind import Obj
from podo.apiserver import stamping, stored
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import Scope, scope_of
from podo.apiserver.verbs import absent
from podo.apiserver.verbs.create import create


async def update(backend: Backend, call: Call, obj: Obj, scope: Scope | None = None) -> Written:
    """Replace the object called ``call.name`` by ``obj``; with a resourceVersion in it, that version only.
    Of some kinds it creates what is not there."""
    stamping.match_namespace(call, obj)
    stamping.check_name(call, obj["metadata"].get("name"))
    stamping.drop_repeated_owners(call, obj["metadata"], stamping.REPEATED_OWNERS)
    wanted = _each_time(call, obj)

    async def change() -> Written:
        return await rewrite(backend, call, lambda old: wanted(), scope or scope_of(call), copied=False)

    if call.subresource or not call.kind.created_by_update:
        return await change()
    return await absent.change_or_create(call, change, partial(_create, backend, call, wanted))


async def _create(backend: Backend, call: Call, wanted: Callable[[], Obj]) -> Written:
    """What was sent as a new object, whatever version it names."""
    obj = wanted()
    if uid := obj["metadata"].get("uid"):
        raise conflict(call.kind, call.name, f"Precondition failed: UID in precondition: {uid}, UID in object meta: ")
    absent.check_may_create(call)
    obj["metadata"].pop("resourceVersion", None)
    written = await create(backend, call, obj)
    return Written(stored.presented(call.kind, written.value), written.code)


def _each_time(call: Call, obj: Obj) -> Callable[[], Obj]:
    """``obj`` itself at the first attempt, which changes it; as it came at others. There is no other attempt for one
    that names the version it replaces."""
    unused = [obj]
    sent = b"" if obj["metadata"].get("resourceVersion", "0") not in ("", "0") else dumps(obj)

    def attempt() -> Obj:
        if unused:
            return unused.pop()
        if not sent:
            raise conflict(call.kind, call.name, stamping.CHANGED)
        return load(sent)

    return attempt
