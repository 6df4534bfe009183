"""How the API server reaches a node's kubelet: its address, of the Node's status, and our certificate to show."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.http.client import HttpPool, authority_of

#: Address types in the order in which they are tried (as kubeadm sets up upstream's API server).
_PREFERRED = ("InternalIP", "ExternalIP", "Hostname")


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int

    @property
    def authority(self) -> str:
        """``host:port`` as a Host header has it."""
        return authority_of(self.host, self.port)


class KubeletAccess:
    """``tls``: a client context with the API server's certificate for kubelets and the CA of theirs."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.tls = tls

    def endpoint(self, node: Obj) -> Endpoint:
        """Where the node's kubelet listens; ApiError if the node does not say."""
        status = node.get("status") or {}
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
        addresses = {entry.get("type"): entry.get("address") for entry in status.get("addresses") or ()}
        host = next((addresses[kind] for kind in _PREFERRED if addresses.get(kind)), None)
        if not host or not port:
            name = node["metadata"]["name"]
            raise ApiError("InternalError", f'node "{name}" does not serve a kubelet port: no logs and no streams')
        return Endpoint(host, int(port))

    def pool(self, endpoint: Endpoint) -> HttpPool:
        return HttpPool(endpoint.host, endpoint.port, tls=self.tls)
