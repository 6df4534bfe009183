"""ServiceAccount: a pod that names no service account runs as its namespace's ``default``."""

from __future__ import annotations

from podo.admission.request import AdmissionRequest, Plugin, creates_pod

DEFAULT = "default"
_MIRROR = "kubernetes.io/config.mirror"


async def admit(request: AdmissionRequest) -> None:
    pod = request.object
    if pod is None or _MIRROR in (pod["metadata"].get("annotations") or {}):
        return
    spec = pod.get("spec")
    if isinstance(spec, dict) and not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = spec.get("serviceAccount") or DEFAULT


PLUGIN = Plugin("ServiceAccount", creates_pod, admit)
