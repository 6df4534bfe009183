"""StorageObjectInUseProtection: claims and volumes get a finalizer that keeps them while they are used.

The controllers of ``controllers/storageprotection.py`` take it away. Source: "Storage Object in Use Protection" in
"Persistent Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from podo.admission.request import AdmissionRequest, Plugin
from podo.api.kind import Kind

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return kind.group == "" and kind.plural in FINALIZERS and operation == "CREATE" and not subresource


async def admit(request: AdmissionRequest) -> None:
    if request.object is None:
        return
    wanted = FINALIZERS[request.kind.plural]
    found = request.object["metadata"].get("finalizers") or []
    if wanted not in found:
        request.object["metadata"]["finalizers"] = [*found, wanted]


PLUGIN = Plugin("StorageObjectInUseProtection", handles, admit)
