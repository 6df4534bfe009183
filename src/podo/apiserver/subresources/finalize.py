"""The finalize subresource of namespaces: the only way to change ``spec.finalizers``."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.apiserver import stamping
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import EXACT


async def finalize(backend: Backend, call: Call, namespace: Obj) -> Written:
    """Set the finalizers to those of ``namespace``; the last one of a deleted namespace removes it."""
    stamping.match_namespace(call, namespace)
    finalizers = (namespace.get("spec") or {}).get("finalizers") or []
    revision = namespace["metadata"].get("resourceVersion")

    def change(old: Obj) -> Obj:
        old["spec"] = {**(old.get("spec") or {}), "finalizers": finalizers}
        if not finalizers:
            del old["spec"]["finalizers"]
        if revision:
            old["metadata"]["resourceVersion"] = revision
        return old

    return await rewrite(backend, call, change, EXACT)
