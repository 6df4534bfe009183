"""The admission policies of this server: follows them and their bindings, and does for them what only it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podo.admission.policy.params import Outside
from podo.admission.policy.policies import Policies
from podo.admission.request import AdmissionRequest
from podo.api import registry
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.policy import MUTATINGADMISSIONPOLICY, VALIDATINGADMISSIONPOLICY
from podo.api.kinds.admissionregistration.policybinding import (
    MUTATINGADMISSIONPOLICYBINDING,
    VALIDATINGADMISSIONPOLICYBINDING,
)
from podo.apiserver import shape
from podo.apiserver.asking import asker
from podo.apiserver.call import Call
from podo.authz.following import follow
from podo.storage.contract import Store

if TYPE_CHECKING:
    from podo.apiserver.backend import Backend


class AdmissionPolicies:
    """``mutating`` and ``validating`` are false while no policy is bound."""

    def __init__(self) -> None:
        self.mutating = Policies()
        self.validating = Policies()

    async def start(self, store: Store) -> None:
        """A policy or binding is in force for the requests after its write."""
        await follow(store, MUTATINGADMISSIONPOLICY.prefix, self.mutating.policy_told)
        await follow(store, MUTATINGADMISSIONPOLICYBINDING.prefix, self.mutating.binding_told)
        await follow(store, VALIDATINGADMISSIONPOLICY.prefix, self.validating.policy_told)
        await follow(store, VALIDATINGADMISSIONPOLICYBINDING.prefix, self.validating.binding_told)


def outside(backend: Backend) -> Outside:
    """What policies need of the server."""

    def kind_of(api_version: str, kind: str) -> Kind | None:
        try:
            return backend.kinds.of({"apiVersion": api_version, "kind": kind})
        except registry.UnknownKind:
            return None

    def settle(request: AdmissionRequest, obj: Obj) -> Obj:
        kind = kind_of(str(obj.get("apiVersion")), str(obj.get("kind")))
        if kind is None:
            return obj
        found = shape.conform(Call("update", kind, request.namespace, field_validation="Strict"), obj)
        kind.fill_in(found)
        return found

    return Outside(kind_of, asker(backend.authorizer), settle, shape.layout, backend.metrics.admission)
