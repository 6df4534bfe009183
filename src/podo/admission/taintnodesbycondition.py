"""TaintNodesByCondition: a new node takes no pods until the node lifecycle controller has seen it ready."""

from __future__ import annotations

from typing import Any

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api.kind import Kind

NOT_READY = "node.kubernetes.io/not-ready"


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return operation == "CREATE" and not subresource and is_core(kind, "nodes")


async def admit(request: AdmissionRequest) -> None:
    if request.object is None:
        return
    spec = request.object.setdefault("spec", {})
    taints: list[dict[str, Any]] = spec.get("taints") or []
    if not any(taint.get("key") == NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
        spec["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]


PLUGIN = Plugin("TaintNodesByCondition", handles, admit)
