"""What the scheduler's requests have in common: how long one may take, and how the status of a pod is written."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.client.contract import Client
from podo.scheduler.podinfo import PodInfo

#: Seconds that one request may take.
DEADLINE = 30.0


async def patch_status(client: Client, pod: PodInfo, patch: Obj) -> Obj:
    """Raises as ``Client.patch``."""
    return await client.patch("Pod", pod.name, pod.namespace, patch=patch, type="strategic", subresource="status")
