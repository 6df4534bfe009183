"""From a call to the admission chain."""

from __future__ import annotations

from podo.admission import chain
from podo.admission.request import AdmissionRequest
from podo.api.kind import Obj
from podo.apiserver import escalation
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.authz.attributes import Attributes


async def admit(backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> None:
    """Ask the plug-ins that look at such a write; raises the refusal of the first that refuses."""
    if chain.chain_for(call.kind, operation, call.subresource):
        await chain.admit(_request(backend, call, operation, obj, old))
    if obj is not None:
        escalation.check(backend.authorizer, call, obj, old)


def _request(backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> AdmissionRequest:
    user = call.user

    def may(verb: str, group: str, resource: str, name: str = "", namespace: str = "") -> bool:
        asked = Attributes(user.name, user.groups, verb, group, resource, namespace=namespace, name=name)
        return backend.authorizer.decide(asked).allowed

    return AdmissionRequest(
        operation,
        call.kind,
        call.namespace,
        call.name,
        call.subresource,
        obj,
        old,
        user.name,
        backend.store,
        user.groups,
        user.uid,
        user.info().get("extra") or {},  # type: ignore[arg-type]
        may,
        call.dry_run,
        call.warnings,
    )
