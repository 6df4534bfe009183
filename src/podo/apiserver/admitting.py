"""From a call to the admission chain."""

from __future__ import annotations

from podo.admission import chain
from podo.admission.request import AdmissionRequest
from podo.api.kind import Obj
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call


async def admit(backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> None:
    """Ask the plug-ins that look at such a write; raises the refusal of the first that refuses."""
    if not chain.chain_for(call.kind, operation, call.subresource):
        return
    request = AdmissionRequest(
        operation, call.kind, call.namespace, call.name, call.subresource, obj, old, call.user.name, backend.store
    )
    await chain.admit(request)
