"""Which node's pods refer to what: Secrets, ConfigMaps, claims, service accounts and the pods themselves; and which
requests for certificates a node made for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from podo.api import registry
from podo.api.kind import Obj
from podo.authz.following import follow
from podo.storage.contract import Store

#: Resource, namespace and name of what is referred to.
Reference = tuple[str, str, str]
_LISTS = ("containers", "initContainers", "ephemeralContainers")
_MIRROR = "kubernetes.io/config.mirror"
#: Volumes that name a Secret: the volume's kind -> the path to the name.
_SECRET_VOLUMES = {
    "azureFile": ("secretName",),
    "cephfs": ("secretRef", "name"),
    "cinder": ("secretRef", "name"),
    "csi": ("nodePublishSecretRef", "name"),
    "flexVolume": ("secretRef", "name"),
    "iscsi": ("secretRef", "name"),
    "rbd": ("secretRef", "name"),
    "scaleIO": ("secretRef", "name"),
    "storageos": ("secretRef", "name"),
}


class References:
    """Kept while pods come and go. A pod is looked into once, when it has got its node: what it refers to is fixed."""

    def __init__(self) -> None:
        self._prefix = registry.named("Pod").prefix
        self._requests = registry.named("PodCertificateRequest").prefix
        self._pods: dict[str, tuple[str, tuple[Reference, ...]]] = {}  # key -> node, references
        self._counts: dict[str, dict[Reference, int]] = {}  # node -> reference -> how many pods have it

    async def start(self, store: Store) -> None:
        await follow(store, self._prefix, self._told)
        await follow(store, self._requests, self._told_of_request)

    def _told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        if value is None:
            self.remove(key)
        elif key not in self._pods:
            if b'"nodeName":"' in value:
                self.add(key, orjson.loads(value))
        elif b'"ephemeralContainers":[' in value:  # the one thing that a running pod can get more of
            self.remove(key)
            self.add(key, orjson.loads(value))

    def _told_of_request(self, key: str, value: bytes | None, before: bytes | None) -> None:
        if value is None:
            self.remove(key)
        elif key not in self._pods:
            request = orjson.loads(value)
            metadata = request["metadata"]
            whose = ("podcertificaterequests", metadata.get("namespace") or "", metadata["name"])
            self._add(key, request["spec"]["nodeName"], (whose,))

    def add(self, key: str, pod: Obj) -> None:
        """A pod that has a node (others are left out)."""
        if node := (pod.get("spec") or {}).get("nodeName"):
            self._add(key, node, tuple(dict.fromkeys(references_of(pod))))

    def _add(self, key: str, node: str, found: tuple[Reference, ...]) -> None:
        self._pods[key] = (node, found)
        counts = self._counts.setdefault(node, {})
        for reference in found:
            counts[reference] = counts.get(reference, 0) + 1

    def remove(self, key: str) -> None:
        node, found = self._pods.pop(key, ("", ()))
        counts = self._counts.get(node, {})
        for reference in found:
            left = counts.get(reference, 0) - 1
            if left > 0:
                counts[reference] = left
            else:
                counts.pop(reference, None)
        if node and not counts:
            self._counts.pop(node, None)

    def has(self, node: str, resource: str, namespace: str, name: str) -> bool:
        """Does a pod on ``node`` refer to it (or, for pods, is it one)?"""
        return (resource, namespace, name) in self._counts.get(node, ())


def references_of(pod: Obj) -> Iterator[Reference]:
    """What a node must be able to read to run the pod."""
    namespace, spec = pod["metadata"].get("namespace") or "", pod["spec"]
    yield "pods", namespace, pod["metadata"]["name"]
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return  # the node itself has made it: it opens nothing
    if account := spec.get("serviceAccountName"):
        yield "serviceaccounts", namespace, account
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", namespace, secret.get("name") or ""
    for field in _LISTS:
        for container in spec.get(field) or ():
            for resource, name in _of_container(container):
                yield resource, namespace, name
    for volume in spec.get("volumes") or ():
        for resource, name in _of_volume(volume, pod["metadata"]["name"]):
            yield resource, namespace, name
    for claim in spec.get("resourceClaims") or ():
        if name := claim.get("resourceClaimName"):
            yield "resourceclaims", namespace, name


def _of_container(container: Obj) -> Iterator[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        yield from _named(source, "configMapRef", "secretRef")
    for variable in container.get("env") or ():
        yield from _named(variable.get("valueFrom") or {}, "configMapKeyRef", "secretKeyRef")


def _named(source: Obj, config_map: str, secret: str) -> Iterator[tuple[str, str]]:
    if found := source.get(config_map):
        yield "configmaps", found.get("name") or ""
    if found := source.get(secret):
        yield "secrets", found.get("name") or ""


def _of_volume(volume: Obj, pod: str) -> Iterator[tuple[str, str]]:
    if found := volume.get("configMap"):
        yield "configmaps", found.get("name") or ""
    if found := volume.get("secret"):
        yield "secrets", found.get("secretName") or ""
    if found := volume.get("persistentVolumeClaim"):
        yield "persistentvolumeclaims", found.get("claimName") or ""
    if "ephemeral" in volume:
        yield "persistentvolumeclaims", f"{pod}-{volume['name']}"
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _named(source, "configMap", "secret")
    for kind, path in _SECRET_VOLUMES.items():
        found_name: Any = volume.get(kind)
        for step in path:
            found_name = found_name.get(step) if isinstance(found_name, dict) else None
        if found_name:
            yield "secrets", found_name
