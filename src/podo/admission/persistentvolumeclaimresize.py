"""PersistentVolumeClaimResize: a bound claim may grow where its class says that volumes can.

Source: "Expanding Persistent Volumes Claims" of the Kubernetes documentation.
"""

from __future__ import annotations

from typing import Any

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.admission.stored import stored
from podo.api.errors import forbidden
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.parts.podamounts import amounts_of

_NOT_BOUND = "Only bound persistent volume claims can be expanded"
_NOT_DYNAMIC = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return is_core(kind, "persistentvolumeclaims") and operation == "UPDATE" and not subresource


async def admit(request: AdmissionRequest) -> None:
    new, old = request.object or {}, request.old or {}
    wanted, present = _size(new), _size(old)
    if wanted is None or present is None or wanted <= present:
        return
    if (old.get("status") or {}).get("phase") != "Bound":
        raise forbidden(request.kind, request.name, _NOT_BOUND)
    if not await _may_grow(request, new, old):
        raise forbidden(request.kind, request.name, _NOT_DYNAMIC)


def _size(claim: Obj) -> Any:
    return amounts_of(((claim.get("spec") or {}).get("resources") or {}).get("requests")).get("storage")


async def _may_grow(request: AdmissionRequest, new: Obj, old: Obj) -> bool:
    name = class_of(new)
    if not name or name != class_of(old):
        return False
    found = await stored(request, "StorageClass", "", name)
    return found is not None and bool(found.get("allowVolumeExpansion"))


PLUGIN = Plugin("PersistentVolumeClaimResize", handles, admit)
