"""The ServiceCIDR ``kubernetes``: the range of cluster IPs that the cluster was started with, ready from the start."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.kinds.networking.servicecidr import DEFAULT, cidrs_of, readiness, ready_condition
from podo.api.meta import is_deleting
from podo.client.contract import Client
from podo.cluster.bootstrap import find
from podo.cluster.standing import Standing
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks

log = Logger("podo.defaultservicecidr")


class DefaultServiceCIDR:
    def __init__(self, client: Client, cidr: str, tasks: Tasks) -> None:
        self._client, self._cidr = client, cidr
        self.standing = Standing(self.ensure, frozenset({"ServiceCIDR"}), ("", DEFAULT), tasks)

    async def ensure(self) -> None:
        """Make it if it is missing, and say that it is ready if nobody has said anything of it. One with other ranges
        stays as it is: no address is given of the configured one then."""
        found = await find(self._client, self._wanted()) or await self._client.create(self._wanted())
        if cidrs_of(found) != [self._cidr]:
            log.warning("the ServiceCIDR kubernetes has other ranges", has=cidrs_of(found), configured=self._cidr)
        elif ready_condition(found) is None and not is_deleting(found):
            ready = readiness(found["metadata"]["creationTimestamp"])
            await self._client.update({**found, "status": {"conditions": [ready]}}, subresource="status")

    def _wanted(self) -> Obj:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": DEFAULT},
            "spec": {"cidrs": [self._cidr]},
        }
