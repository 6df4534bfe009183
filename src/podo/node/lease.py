"""A node's Lease: renewed every ten seconds, whoever misses it declares the node lost.

Source: the documentation's "Nodes: Heartbeats".
"""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Client
from podo.node.config import NodeConfig
from podo.runtime.clock import Clock
from podo.values import timestamp

LEASE_NAMESPACE = "kube-node-lease"
DURATION_SECONDS = 40


class NodeLease:
    def __init__(self, config: NodeConfig, client: Client, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._clock = clock
        self._lease: Obj | None = None

    async def renew(self, node: Obj) -> None:
        """Renew it, or take it, for the Node that owns it. Raises what the client raises."""
        now = timestamp.micro_time(self._clock.now() + self._config.ahead_seconds)
        if self._lease is None:
            self._lease = await self._take(node, now)
            return
        self._lease["spec"]["renewTime"] = now
        try:
            self._lease = await self._client.update(self._lease)
        except ApiError as refusal:
            if refusal.reason not in ("Conflict", "NotFound"):
                raise
            self._lease = await self._take(node, now)

    async def _take(self, node: Obj, now: str) -> Obj:
        name, uid = node["metadata"]["name"], node["metadata"]["uid"]
        spec = {"holderIdentity": name, "leaseDurationSeconds": DURATION_SECONDS, "renewTime": now}
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
        lease: Obj = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": spec,
        }
        try:
            return await self._client.create(lease)
        except ApiError as refusal:
            if refusal.reason != "AlreadyExists":
                raise
        found = await self._client.get("Lease", name, LEASE_NAMESPACE)
        found["spec"] = {**(found.get("spec") or {}), **spec}
        return await self._client.update(found)
