"""patch: change an object by a JSON patch, a merge patch or a strategic merge patch."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.apiserver import patching, stored
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import scope_of


async def patch(backend: Backend, call: Call, changes: Any, form: str) -> Written:
    """Apply ``changes``, a decoded patch of the ``form`` "json", "merge" or "strategic"."""

    def produce(old: Obj) -> Obj:
        return patching.patched(call, old, stored.copy(changes), form)

    return await rewrite(backend, call, produce, scope_of(call))
