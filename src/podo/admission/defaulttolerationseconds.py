"""DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or unreachable, unless they say more.
A pod written again without what it was given (kubectl replace) gets it back, as upstream.
"""

from __future__ import annotations

from typing import Any

from podo.admission.request import AdmissionRequest, Plugin, creates_pod, is_core
from podo.api.kind import Kind

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
SECONDS = 300


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return creates_pod(kind, operation, subresource) or (
        operation == "UPDATE" and not subresource and is_core(kind, "pods")
    )


async def admit(request: AdmissionRequest) -> None:
    if request.object is None or not isinstance(spec := request.object.get("spec"), dict):
        return
    tolerations: list[dict[str, Any]] = spec.get("tolerations") or []
    missing = [taint for taint in (NOT_READY, UNREACHABLE) if not _tolerated(taint, tolerations)]
    if missing:
        added = [
            {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
            for taint in missing
        ]
        request.object["spec"] = {**spec, "tolerations": [*tolerations, *added]}  # an update may share the stored spec


def _tolerated(taint: str, tolerations: list[dict[str, Any]]) -> bool:
    return any(
        toleration.get("key", "") in (taint, "") and toleration.get("effect", "") in ("NoExecute", "")
        for toleration in tolerations
    )


PLUGIN = Plugin("DefaultTolerationSeconds", handles, admit)
