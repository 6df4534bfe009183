"""What a pod names, so that its node has to read it; and the Secrets that a PersistentVolume names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.parts.pod_annotations import MIRROR
from podo.api.parts.podclaims import claim_names
from podo.api.parts.podtemplate import each_container

#: Resource, namespace and name of what is referred to.
Reference = tuple[str, str, str]
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
#: Of a PersistentVolume's CSI source; those for its controller are none of the node's business.
_CSI_SECRETS = ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")


def references_of(pod: Obj) -> Iterator[Reference]:
    """What a node must be able to read to run the pod."""
    namespace, spec = pod["metadata"].get("namespace") or "", pod["spec"]
    yield "pods", namespace, pod["metadata"]["name"]
    if MIRROR in (pod["metadata"].get("annotations") or {}):
        return  # the node itself has made it: it opens nothing
    if account := spec.get("serviceAccountName"):
        yield "serviceaccounts", namespace, account
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", namespace, secret.get("name") or ""
    for container in each_container(spec):
        for resource, name in _of_container(container):
            yield resource, namespace, name
    for volume in spec.get("volumes") or ():
        for resource, name in _of_volume(volume, pod["metadata"]["name"]):
            yield resource, namespace, name
    for name in claim_names(pod):
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


def secrets_of_volume(volume: Obj) -> Iterator[tuple[str, str]]:
    """Namespace and name of the Secrets that a node needs to mount a PersistentVolume: in the namespace of its claim,
    unless it says another."""
    spec = volume.get("spec") or {}
    home = (spec.get("claimRef") or {}).get("namespace") or ""
    if name := (spec.get("azureFile") or {}).get("secretName"):
        yield spec["azureFile"].get("secretNamespace") or home, name
    for kind, (field, *_) in _SECRET_VOLUMES.items():
        source = spec.get(kind) or {}
        for reference in _CSI_SECRETS if kind == "csi" else (field,):
            found = source.get(reference)
            if isinstance(found, dict) and found.get("name"):
                yield found.get("namespace") or home, found["name"]
