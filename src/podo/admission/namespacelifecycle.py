"""NamespaceLifecycle: nothing is created in a namespace that is absent or ending; those the cluster needs stay."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api import registry
from podo.api.errors import ApiError, forbidden, not_found
from podo.api.kind import Kind

#: A question, which leaves nothing behind.
_REVIEW = "localsubjectaccessreviews.authorization.k8s.io"
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


class _Status(msgspec.Struct):
    phase: str = ""


class _Metadata(msgspec.Struct):
    deletionTimestamp: str | None = None


class _Namespace(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: _Status = msgspec.field(default_factory=_Status)


#: Every write into a namespace looks at it; its bytes change seldom.
_decode = lru_cache(1024)(msgspec.json.Decoder(_Namespace).decode)


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if is_core(kind, "namespaces"):
        return operation == "DELETE"
    return kind.namespaced and operation == "CREATE" and kind.resource != _REVIEW


async def admit(request: AdmissionRequest) -> None:
    if request.operation == "DELETE":
        if request.name in IMMORTAL:
            raise forbidden(request.kind, request.name, "this namespace may not be deleted")
        return
    namespaces = registry.named("Namespace")
    record = await request.store.get(namespaces.key("", request.namespace))
    if record is None:
        raise not_found(namespaces, request.namespace)
    namespace = _decode(record.value)
    if namespace.metadata.deletionTimestamp or namespace.status.phase == "Terminating":
        raise _terminating(request)


def _terminating(request: AdmissionRequest) -> ApiError:
    why = f"unable to create new content in namespace {request.namespace} because it is being terminated"
    error = forbidden(request.kind, request.name, why)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {request.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error


PLUGIN = Plugin("NamespaceLifecycle", handles, admit)
