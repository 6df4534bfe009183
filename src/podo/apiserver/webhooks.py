"""The admission webhooks of this server: follows their configurations, and does for them what only the server can."""

from __future__ import annotations

from podo.admission.metrics import AdmissionMetrics
from podo.admission.request import AdmissionRequest
from podo.admission.webhook.asking import CallFailed, Outside
from podo.admission.webhook.hooks import Hooks
from podo.api import registry
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.webhookconfiguration import (
    MUTATINGWEBHOOKCONFIGURATION,
    VALIDATINGWEBHOOKCONFIGURATION,
)
from podo.apiserver import shape
from podo.apiserver.asking import asker
from podo.apiserver.call import Call
from podo.apiserver.calling.caller import Caller
from podo.apiserver.calling.failures import CannotCall
from podo.authz.attributes import Authorizer
from podo.authz.following import follow
from podo.runtime.chance import Chance
from podo.storage.contract import Store

#: Bytes of a response at most: the patch of an object may be as large as a request's body, in base64.
ANSWER_LIMIT = 8 << 20


class Webhooks:
    """``mutating`` and ``validating`` are not ``active`` while no configuration has a webhook."""

    def __init__(self, caller: Caller, chance: Chance, authorizer: Authorizer, metrics: AdmissionMetrics) -> None:
        self.mutating = Hooks()
        self.validating = Hooks()
        self._caller = caller
        self.outside = Outside(metrics, self._call, chance.uid, asker(authorizer), settled)

    async def start(self, store: Store) -> None:
        """A configuration is in force for the requests after its write."""
        await follow(store, MUTATINGWEBHOOKCONFIGURATION.prefix, self.mutating.told)
        await follow(store, VALIDATINGWEBHOOKCONFIGURATION.prefix, self.validating.told)

    async def _call(self, client: Obj, review: Obj, seconds: float) -> Obj:
        try:
            return await self._caller.call(client, review, seconds, limit=ANSWER_LIMIT)
        except CannotCall as failure:
            raise CallFailed(str(failure)) from None


def settled(request: AdmissionRequest, obj: Obj) -> Obj:
    """A changed object in its kind's form: unknown fields dropped, defaults filled in. Raises BadRequest."""
    kind = _kind_of(request, obj)
    if kind is None:
        return obj
    found = shape.conform(Call("update", kind, request.namespace, field_validation="Ignore"), obj)
    kind.fill_in(found)
    return found


def _kind_of(request: AdmissionRequest, obj: Obj) -> Kind | None:
    """The resource's kind or, of a subresource's body, its own; None where that has no kind (PodExecOptions)."""
    if (request.object or {}).get("kind") == request.kind.kind:
        return request.kind
    try:
        return registry.of(obj)
    except registry.UnknownKind:
        return None
