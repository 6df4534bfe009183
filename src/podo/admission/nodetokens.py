"""Which tokens a kubelet may ask for (part of NodeRestriction): of a service account whose pod runs on its node, bound
to that pod, for an audience that the pod uses.

A pod uses the audiences of its token volumes and those that its volumes' CSI drivers ask tokens for. For others, the
kubelet needs the right ``request-serviceaccounts-token-audience`` on a resource named like the audience. Source:
"NodeRestriction" in "Admission Controllers", and KEP-4412, for ServiceAccountNodeAudienceRestriction.
"""

from __future__ import annotations

from podo.admission.request import AdmissionRequest
from podo.admission.stored import stored
from podo.api import registry
from podo.api.errors import forbidden, not_found
from podo.api.kind import Obj

RIGHT = "request-serviceaccounts-token-audience"


async def check(request: AdmissionRequest, node: str) -> None:
    """Raises ApiError."""
    spec = (request.object or {}).get("spec") or {}
    reference = spec.get("boundObjectRef") or {}
    if reference.get("kind") != "Pod" or reference.get("apiVersion") != "v1" or not reference.get("name"):
        raise forbidden(request.kind, request.name, "node requested token not bound to a pod")
    if not reference.get("uid"):
        raise forbidden(request.kind, request.name, "node requested token with a pod binding without a uid")
    pod = await stored(request, "Pod", request.namespace, reference["name"])
    if pod is None:
        raise not_found(registry.named("Pod"), reference["name"])
    if why := _refusal(pod, reference["uid"], node) or await _audience_refusal(request, pod, spec):
        raise forbidden(request.kind, request.name, why)


def _refusal(pod: Obj, uid: str, node: str) -> str:
    if pod["metadata"]["uid"] != uid:
        why = f"the UID in the bound object reference ({uid}) does not match the UID in record."
        return f"{why} The object might have been deleted and then recreated"
    if pod["spec"].get("nodeName") != node:
        return "node requested token bound to a pod scheduled on a different node"
    return ""


async def _audience_refusal(request: AdmissionRequest, pod: Obj, spec: Obj) -> str:
    audiences = spec.get("audiences") or [""]  # "": the API server's own
    if len(audiences) > 1:
        return "node may only request 0 or 1 audiences"
    audience = audiences[0]
    if await _uses(request, pod, audience) or request.may(RIGHT, "", audience, request.name, request.namespace):
        return ""
    why = f"{request.user} is not authorized to request tokens for this audience"
    return f'audience "{audience}" not found in pod spec volume, {why}'


async def _uses(request: AdmissionRequest, pod: Obj, audience: str) -> bool:
    volumes = pod["spec"].get("volumes") or ()
    for volume in volumes:
        for source in (volume.get("projected") or {}).get("sources") or ():
            token = source.get("serviceAccountToken")
            if token is not None and (token.get("audience") or "") == audience:
                return True
    for volume in volumes:
        driver = await _driver(request, pod, volume)
        found = await stored(request, "CSIDriver", "", driver) if driver else None
        wanted = ((found or {}).get("spec") or {}).get("tokenRequests") or ()
        if any((one.get("audience") or "") == audience for one in wanted):
            return True
    return False


async def _driver(request: AdmissionRequest, pod: Obj, volume: Obj) -> str:
    """The CSI driver that mounts the volume; "" where none does."""
    claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or ""
    if "ephemeral" in volume:
        claim = f"{pod['metadata']['name']}-{volume['name']}"
    if not claim:
        return str((volume.get("csi") or {}).get("driver") or "")
    found = await stored(request, "PersistentVolumeClaim", request.namespace, claim)
    name = ((found or {}).get("spec") or {}).get("volumeName") or ""
    bound = await stored(request, "PersistentVolume", "", name) if name else None
    return str((((bound or {}).get("spec") or {}).get("csi") or {}).get("driver") or "")
