"""The Service default/kubernetes, at which pods find the API server, and its endpoints: made at the start, and made
again when somebody has deleted them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.client.contract import Client
from podo.cluster.bootstrap import create_missing, create_or_replace
from podo.cluster.standing import Standing
from podo.runtime.tasks import Tasks

_KINDS = frozenset({"Service", "Endpoints", "EndpointSlice"})
_PLACE = ("default", "kubernetes")


@dataclass(frozen=True, slots=True)
class Address:
    """``cluster_ip`` is the Service's own; ``server`` and ``port`` are where the API server answers."""

    cluster_ip: str
    server: str
    port: int


class KubernetesService:
    def __init__(self, client: Client, address: Address, tasks: Tasks) -> None:
        self._client = client
        self._address = address
        self.standing = Standing(self.ensure, _KINDS, _PLACE, tasks)

    async def ensure(self) -> None:
        """Make what is missing, and let the endpoints be where the API server answers now.

        A machine with no address but loopback has none that a pod could reach: then the Service has no endpoints.
        """
        await create_missing(self._client, _service(self._address))
        if ipaddress.ip_address(self._address.server).is_loopback:
            return
        for obj in (_endpoints(self._address), _endpoint_slice(self._address)):
            await create_or_replace(self._client, obj)


def _service(address: Address) -> Obj:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": address.port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": address.cluster_ip, "ports": ports},
    }


def _endpoints(address: Address) -> Obj:
    """The API server is no pod: its endpoints are written here and have no controller."""
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    ports = [{"name": "https", "port": address.port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "subsets": [{"addresses": [{"ip": address.server}], "ports": ports}],
    }


def _endpoint_slice(address: Address) -> Obj:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address.server], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": address.port, "protocol": "TCP"}],
    }
