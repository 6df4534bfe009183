"""The devices of a pod's ResourceClaims on this node: a pod whose claims have some needs the drivers of these.

A driver would register on the kubelet's plug-in socket and prepare the devices (NodePrepareResources). Here none can,
so such a pod does not start, and says so. Event: FailedPrepareDynamicResources.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.api.parts.podclaims import claim_names
from podo.node.machine import MachineFailure

#: Gives a claim by namespace and name, None where there is none.
Fetch = Callable[[str, str], Awaitable[Obj | None]]


async def prepare(pod: Obj, fetch: Fetch) -> None:
    """Raises MachineFailure where a claim is missing, is not this pod's, or needs a driver."""
    for name in claim_names(pod):
        claim = await fetch(namespace_of(pod), name)
        if claim is None:
            raise _failed(f'fetch ResourceClaim {name}: resourceclaims.resource.k8s.io "{name}" not found')
        status = claim.get("status") or {}
        if all(user.get("uid") != uid_of(pod) for user in status.get("reservedFor") or ()):
            pod_, claim_ = f"{name_of(pod)}({uid_of(pod)})", f"{name}({uid_of(claim)})"
            raise _failed(f"pod {pod_} is not allowed to use ResourceClaim {claim_}")
        for result in ((status.get("allocation") or {}).get("devices") or {}).get("results") or ():
            raise _failed(f"DRA driver {result['driver']} is not registered")


def _failed(why: str) -> MachineFailure:
    text = f"Failed to prepare dynamic resources: prepare dynamic resources: {why}"
    return MachineFailure("FailedPrepareDynamicResources", text)
