"""update: replace an object, or the part of it that a subresource writes."""

from __future__ import annotations

from podo.api.encoding import dumps, load
from podo.api.errors import conflict
from podo.api.kind import Obj
from podo.apiserver import stamping
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import Produce, Scope, rewrite, scope_of


async def update(backend: Backend, call: Call, obj: Obj, scope: Scope | None = None) -> Written:
    """Replace the object called ``call.name`` by ``obj``; with a resourceVersion in it, that version only."""
    stamping.match_namespace(call, obj)
    stamping.check_name(call, obj["metadata"].get("name"))
    stamping.drop_repeated_owners(call, obj["metadata"], stamping.REPEATED_OWNERS)
    return await rewrite(backend, call, _each_time(call, obj), scope or scope_of(call), copied=False)


def _each_time(call: Call, obj: Obj) -> Produce:
    """``obj`` itself at the first attempt, which changes it; as it came at others. There is no other attempt for one
    that names the version it replaces."""
    unused = [obj]
    sent = b"" if obj["metadata"].get("resourceVersion", "0") not in ("", "0") else dumps(obj)

    def attempt(old: Obj) -> Obj:
        if unused:
            return unused.pop()
        if not sent:
            raise conflict(call.kind, call.name, stamping.CHANGED)
        return load(sent)

    return attempt
