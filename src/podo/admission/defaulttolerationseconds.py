"""DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or unreachable, unless they say more."""

from __future__ import annotations

from typing import Any

from podo.admission.request import AdmissionRequest, Plugin, creates_pod

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
SECONDS = 300


async def admit(request: AdmissionRequest) -> None:
    spec = request.object.get("spec") if request.object else None
    if not isinstance(spec, dict):
        return
    tolerations: list[dict[str, Any]] = spec.get("tolerations") or []
    missing = [taint for taint in (NOT_READY, UNREACHABLE) if not _tolerated(taint, tolerations)]
    if missing:
        added = [
            {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
            for taint in missing
        ]
        spec["tolerations"] = [*tolerations, *added]


def _tolerated(taint: str, tolerations: list[dict[str, Any]]) -> bool:
    return any(
        toleration.get("key", "") in (taint, "") and toleration.get("effect", "") in ("NoExecute", "")
        for toleration in tolerations
    )


PLUGIN = Plugin("DefaultTolerationSeconds", creates_pod, admit)
