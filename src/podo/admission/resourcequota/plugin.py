"""ResourceQuota: a write that would use more than a quota of its namespace allows is refused; others are charged.

It runs last: everything else may still change or refuse the object.
"""

from __future__ import annotations

from podo.admission.innamespace import objects_in
from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.admission.resourcequota.account import Charge, charge_all
from podo.admission.resourcequota.check import Refused, Write, tally_of
from podo.admission.resourcequota.usage import Resource, resource_of
from podo.api.errors import ApiError, forbidden
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.resourcequota import RESOURCEQUOTA
from podo.runtime.tasks import within

#: Longest wait for the charge to be stored.
PATIENCE_SECONDS = 10.0
#: They come and go too fast, or are never stored.
_NEVER = frozenset(("events", "events.events.k8s.io", "localsubjectaccessreviews.authorization.k8s.io"))


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if not kind.namespaced or kind.resource in _NEVER:
        return False
    if operation == "CREATE":
        return not subresource
    if operation != "UPDATE":
        return False
    if is_core(kind, "pods"):
        return subresource == "resize"
    return not subresource and (is_core(kind, "services") or is_core(kind, "persistentvolumeclaims"))


async def admit(request: AdmissionRequest) -> None:
    accounts, obj = request.accounts, request.object
    account = accounts.of(request.namespace) if accounts is not None else None
    if accounts is None or account is None or obj is None:
        return
    resource = (request.kind.group, request.kind.plural)
    quotas = await objects_in(request.store, RESOURCEQUOTA.prefix, request.namespace)
    if not any(_counts(quota, resource) for quota in quotas):
        return
    if request.operation == "CREATE":
        obj = {**obj, "status": {}}  # a new object has none, whatever the client says
    elif is_core(request.kind, "pods"):
        obj = {**obj, "status": {**(obj.get("status") or {}), "conditions": []}}  # of what was asked for before
    write = Write(resource, obj, request.old, accounts.now())
    try:
        if request.dry_run:
            charge_all([tally_of(quota) for quota in quotas], write)
        else:
            request.held.append(await _charged(account.ask(write)))
    except Refused as refused:
        raise forbidden(request.kind, request.name, str(refused)) from None


def _counts(quota: Obj, resource: Resource) -> bool:
    return any(resource_of(name) == resource for name in (quota.get("spec") or {}).get("hard") or ())


async def _charged(charge: Charge) -> Charge:
    try:
        await within(PATIENCE_SECONDS, charge.told)
    except TimeoutError:
        charge.close()
        raise ApiError("ServerTimeout", "resource quota evaluation timed out") from None
    except BaseException:  # cancelled, perhaps in the moment in which it was charged
        charge.close()
        raise
    return charge


PLUGIN = Plugin("ResourceQuota", handles, admit)
