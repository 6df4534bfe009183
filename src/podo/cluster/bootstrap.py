"""The objects that every cluster has from its first second: namespaces, the two system priority classes, the
``kubernetes`` Service and ServiceCIDR, cluster DNS' Service, the StorageClass ``standard``."""

from __future__ import annotations

import ipaddress

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.scheduling.priorityclass import SYSTEM_CLASSES
from podo.api.kinds.storage.storageclass import DEFAULT
from podo.api.parts.localvolume import PROVISIONER_NAME
from podo.client.contract import Client

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def bootstrap(
    client: Client, *, service_cidr: str, kubernetes_ip: str, dns_ip: str, server_address: str, server_port: int
) -> None:
    """Make what is missing; what is there stays as it is, but for the address at which the API server answers.

    A machine with no address but loopback has none that a pod could reach: then the Service has no endpoints.
    """
    for name in NAMESPACES:
        await _create(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name in SYSTEM_CLASSES:
        await _create(client, _priority_class(name))
    await _create(client, _storage_class())
    await _create_service_cidr(client, service_cidr)
    await _create(client, _kubernetes(kubernetes_ip, server_port))
    await _create(client, _kube_dns(dns_ip))
    if ipaddress.ip_address(server_address).is_loopback:
        return
    for obj in (_endpoints(server_address, server_port), _endpoint_slice(server_address, server_port)):
        await create_or_replace(client, obj)


async def _find(client: Client, obj: Obj) -> Obj | None:
    try:
        return await client.get(obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace", ""))
    except ApiError as error:
        if error.reason != "NotFound":
            raise
        return None


async def _create(client: Client, obj: Obj) -> None:
    if await _find(client, obj) is None:
        await client.create(obj)


async def create_or_replace(client: Client, obj: Obj) -> None:
    """Make the object, or make what is there the same."""
    there = await _find(client, obj)
    if there is None:
        await client.create(obj)
    else:
        await client.update({**there, **obj, "metadata": there["metadata"]})


async def _create_service_cidr(client: Client, cidr: str) -> None:
    """The range that the API server gives cluster IPs from, as an object; it is ready from the start."""
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [cidr]},
    }
    if await _find(client, made) is not None:
        return
    created = await client.create(made)
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "Kubernetes Service CIDR is ready",
        "lastTransitionTime": created["metadata"]["creationTimestamp"],
    }
    await client.update({**created, "status": {"conditions": [condition]}}, subresource="status")


def _priority_class(name: str) -> Obj:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": SYSTEM_CLASSES[name],
        "description": f"For what the {name.split('-')[1]} cannot do without.",
    }


def _storage_class() -> Obj:
    """The default class: a directory of the node where the claim's first pod runs."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {DEFAULT: "true"}},
        "provisioner": PROVISIONER_NAME,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def _kubernetes(address: str, port: int) -> Obj:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": address, "ports": ports},
    }


def _endpoints(address: str, port: int) -> Obj:
    """The API server is no pod: its endpoints are written here and have no controller."""
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }


def _endpoint_slice(address: str, port: int) -> Obj:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }


def _kube_dns(address: str) -> Obj:
    """Cluster DNS, answered by the nodes themselves: each publishes its own endpoint."""
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {"clusterIP": address, "ports": ports},
    }
