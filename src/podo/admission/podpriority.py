"""Priority: a pod's priority and preemption policy from its priority class; without one, 0 and PreemptLowerPriority.

The two classes built into Kubernetes are known here; PriorityClass objects are not served yet, so another name is
refused.
"""

from __future__ import annotations

from podo.admission.request import AdmissionRequest, Plugin, creates_pod
from podo.api.errors import forbidden

SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
DEFAULT_POLICY = "PreemptLowerPriority"


async def admit(request: AdmissionRequest) -> None:
    spec = request.object.get("spec") if request.object else None
    if not isinstance(spec, dict):
        return
    name = spec.get("priorityClassName") or ""
    if name and name not in SYSTEM_CLASSES:
        raise forbidden(request.kind, request.name, f"no PriorityClass with name {name} was found")
    priority = SYSTEM_CLASSES.get(name, 0)
    asked = spec.get("priority")
    if asked is not None and asked != priority:
        why = (
            f"the integer value of priority ({asked}) must not be provided in pod spec; priority admission controller "
        )
        why += f"computed {priority} from the given PriorityClass name"
        raise forbidden(request.kind, request.name, why)
    spec["priority"] = priority
    spec.setdefault("preemptionPolicy", DEFAULT_POLICY)


PLUGIN = Plugin("Priority", creates_pod, admit)
