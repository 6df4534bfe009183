"""The objects that every cluster has from its first second: namespaces, the two system priority classes, cluster DNS'
Service, the StorageClass ``standard``. (The ServiceCIDR and the Service ``kubernetes``: ``defaultservicecidr`` and
``kubernetesservice``.)
"""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.scheduling.priorityclass import SYSTEM_CLASSES
from podo.api.kinds.storage.storageclass import DEFAULT
from podo.api.parts.localvolume import PROVISIONER_NAME
from podo.client.contract import Client

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def bootstrap(client: Client, *, dns_ip: str) -> None:
    """Make what is missing; what is there stays as it is."""
    for name in NAMESPACES:
        await create_missing(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name in SYSTEM_CLASSES:
        await create_missing(client, _priority_class(name))
    await create_missing(client, _storage_class())
    await create_missing(client, _kube_dns(dns_ip))


async def find(client: Client, obj: Obj) -> Obj | None:
    """What there is of the kind and name of ``obj``."""
    try:
        return await client.get(obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace", ""))
    except ApiError as error:
        if error.reason != "NotFound":
            raise
        return None


async def create_missing(client: Client, obj: Obj) -> None:
    """Make the object if there is none of its name."""
    if await find(client, obj) is None:
        await client.create(obj)


async def create_or_replace(client: Client, obj: Obj) -> None:
    """Make the object, or make what is there the same."""
    there = await find(client, obj)
    if there is None:
        await client.create(obj)
    else:
        await client.update({**there, **obj, "metadata": there["metadata"]})


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
