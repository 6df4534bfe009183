"""Administrators' access to devices in use: only claims in namespaces that are labelled for it may ask for it.

Source: "Admin access" in "Dynamic Resource Allocation" of the Kubernetes documentation; KEP-5018.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.admission.request import AdmissionRequest, Plugin
from podo.admission.stored import stored
from podo.api.errors import invalid
from podo.api.kind import Kind, Obj, Problem
from podo.api.meta import labels_of
from podo.api.rules import forbidden

LABEL = "resource.kubernetes.io/admin-access"
#: Where each kind has its devices.
_PATHS = {"ResourceClaim": "spec.devices", "ResourceClaimTemplate": "spec.spec.devices"}
_WHY = f"admin access to devices requires the `{LABEL}: true` label on the containing namespace"


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    named = kind.group == "resource.k8s.io" and kind.kind in _PATHS
    return named and operation == "CREATE" and not subresource


async def admit(request: AdmissionRequest) -> None:
    path = _PATHS[request.kind.kind]
    problems = list(_asking(request.object or {}, path))
    if problems and not await _is_labelled(request):
        raise invalid(request.kind, request.name, problems)


def _asking(obj: Obj, path: str) -> Iterator[Problem]:
    found = obj
    for part in path.split("."):
        found = found.get(part) or {}
    for index, each in enumerate(found.get("requests") or ()):
        if (each.get("exactly") or {}).get("adminAccess"):
            yield forbidden(f"{path}.requests[{index}].exactly.adminAccess", _WHY)


async def _is_labelled(request: AdmissionRequest) -> bool:
    namespace = await stored(request, "Namespace", "", request.namespace)
    return namespace is not None and labels_of(namespace).get(LABEL) == "true"


PLUGIN = Plugin("DeviceAdminAccess", handles, admit)
