"""Where a proxied request goes: ``pods``, ``services`` and ``nodes/NAME/proxy`` to an address, as the names in the path
say (``name``, ``name:port``, ``https:name:port``).

Source: "Manually constructing apiserver proxy URLs" of the Kubernetes documentation.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from podo.api import registry
from podo.api.encoding import load
from podo.api.errors import ApiError, bad_request, not_found
from podo.api.kind import Obj
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.selection import labels_of
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.http.client import authority_of
from podo.http.tls import client_context

_SCHEMES = ("", "http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Asked:
    """The last part of a path before ``/proxy``. ``port``: a number or a name, "" where none is given."""

    scheme: str
    name: str
    port: str


@dataclass(frozen=True, slots=True)
class Target:
    """``trusted``: the cluster's own kubelet, whose address is not checked. ``tls`` None: plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    trusted: bool = False

    @property
    def authority(self) -> str:
        return authority_of(self.host, self.port)


def parse_name(resource: str, text: str) -> Asked:
    """``[scheme:]name[:port]``. Raises BadRequest."""
    parts = text.split(":")
    if len(parts) == 1:
        parts = ["", text, ""]
    elif len(parts) == 2:
        parts = ["", *parts]
    if len(parts) != 3 or parts[0] not in _SCHEMES or not parts[1]:
        raise bad_request(f'invalid {resource} request "{text}"')
    return Asked(parts[0] or "http", parts[1], parts[2])


async def target_of(backend: Backend, kubelet: KubeletAccess | None, call: Call) -> Target:
    """Raises NotFound, BadRequest and ServiceUnavailable."""
    asked = parse_name(call.kind.singular or call.kind.kind.lower(), call.name)
    if call.kind.kind == "Node":
        return await _node(backend, kubelet, asked)
    if call.kind.kind == "Service":
        return await _service(backend, call.namespace, asked)
    return await _pod(backend, call.namespace, asked)


async def _pod(backend: Backend, namespace: str, asked: Asked) -> Target:
    pod = await _get(backend, "Pod", namespace, asked.name)
    await _refuse_simulated(backend, pod["spec"].get("nodeName"))
    port = asked.port or str(_first_port(pod) or _DEFAULT_PORTS[asked.scheme])
    return _plain(asked, (pod.get("status") or {}).get("podIP") or "", port)


def _first_port(pod: Obj) -> int | None:
    ports = (container["ports"] for container in pod["spec"].get("containers") or () if container.get("ports"))
    first: int | None = next((found[0].get("containerPort") for found in ports), None)
    return first


async def _service(backend: Backend, namespace: str, asked: Asked) -> Target:
    service = await _get(backend, "Service", namespace, asked.name)
    name = _port_name(service, asked)
    candidates = [found async for found in _endpoints(backend, namespace, asked.name, name)]
    if not candidates:
        raise _unavailable(f'no endpoints available for service "{asked.name}{":" if asked.port else ""}{asked.port}"')
    address, port, node = candidates[backend.chance.below(len(candidates))]
    await _refuse_simulated(backend, node)
    return _plain(asked, address, str(port))


def _port_name(service: Obj, asked: Asked) -> str:
    """Endpoints know ports by their names; a number is a port of the Service."""
    if not asked.port.isdigit():
        return asked.port
    for port in service["spec"].get("ports") or ():
        if port.get("port") == int(asked.port):
            return port.get("name") or ""
    raise _unavailable(f'no service port {asked.port} found for service "{asked.name}"')


async def _endpoints(
    backend: Backend, namespace: str, service: str, port_name: str
) -> AsyncIterator[tuple[str, int, str | None]]:
    """Address, port and node of each ready endpoint that is a pod, as the pod itself says."""
    kind = registry.named("EndpointSlice")
    page = await backend.store.range(f"{kind.prefix}{namespace}/")
    for record in page.records:
        if (labels_of(record) or {}).get(_SERVICE_LABEL) != service:
            continue
        piece = load(record.value)
        port = next((p.get("port") for p in piece.get("ports") or () if (p.get("name") or "") == port_name), None)
        if port is None:
            continue
        for endpoint in piece.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False and await _is_pod(
                backend, namespace, endpoint
            ):
                yield endpoint["addresses"][0], int(port), endpoint.get("nodeName")


async def _is_pod(backend: Backend, namespace: str, endpoint: Obj) -> bool:
    """Only addresses that pods have are gone to: anybody may write an EndpointSlice (CVE-2021-25740)."""
    reference = endpoint.get("targetRef") or {}
    if reference.get("kind") != "Pod" or (reference.get("namespace") or namespace) != namespace:
        return False
    record = await backend.store.get(registry.named("Pod").key(namespace, reference.get("name") or ""))
    if record is None:
        return False
    status: dict[str, Any] = load(record.value).get("status") or {}
    addresses = [status.get("podIP"), *(entry.get("ip") for entry in status.get("podIPs") or ())]
    return endpoint["addresses"][0] in addresses


async def _node(backend: Backend, kubelet: KubeletAccess | None, asked: Asked) -> Target:
    node = await _get(backend, "Node", "", asked.name)
    await _refuse_simulated(backend, asked.name)
    if kubelet is None:
        raise _unavailable("this API server has no way to kubelets")
    endpoint = kubelet.endpoint(node)
    if asked.port in ("", str(endpoint.port)):
        return Target(endpoint.host, endpoint.port, kubelet.tls, trusted=True)
    return _plain(asked, endpoint.host, asked.port)


async def _refuse_simulated(backend: Backend, node: str | None) -> None:
    record = await backend.store.get(registry.named("Node").key("", node)) if node else None
    if record is None:
        return
    info = (load(record.value).get("status") or {}).get("nodeInfo") or {}
    if info.get("kernelVersion") == "simulated":
        raise _unavailable(f'node "{node}" is simulated: nothing listens at its address and at those of its pods')


async def _get(backend: Backend, kind_name: str, namespace: str, name: str) -> Obj:
    kind = registry.named(kind_name)
    record = await backend.store.get(kind.key(namespace, name))
    if record is None:
        raise not_found(kind, name)
    return load(record.value)


def _plain(asked: Asked, host: str, port: str) -> Target:
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise bad_request(f'invalid port "{port}"')
    return Target(host, int(port), _unverified() if asked.scheme == "https" else None)


@lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    """Pods show certificates of their own making; nobody could say which CA to believe."""
    return client_context(verify=False)


def _unavailable(message: str) -> ApiError:
    return ApiError("ServiceUnavailable", message)
