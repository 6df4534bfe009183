"""What a pod may be that a kubelet makes itself (part of NodeRestriction): a mirror pod on its node, owned by it, that
refers to nothing that the API has, since its node could read all of that (CVE-2025-4563).

Source: "NodeRestriction" in "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podo.api.kind import Obj
from podo.api.parts.podtemplate import each_container

MIRROR = "kubernetes.io/config.mirror"
#: Fields of volumes' sources that name a Secret.
_SECRET_FIELDS = ("secretName", "secretRef", "nodePublishSecretRef")
#: Volumes, and sources of a projected one, that stand for objects besides Secrets and ConfigMaps.
_VOLUMES = {
    "csi": "csidrivers (via CSI volumes)",
    "persistentVolumeClaim": "persistentvolumeclaims",
    "ephemeral": "persistentvolumeclaims (via ephemeral volumes)",
    "glusterfs": "endpoints (via glusterFS volumes)",
}
_PROJECTED = {
    "serviceAccountToken": "serviceaccounts (via projected volumes)",
    "clusterTrustBundle": "clustertrustbundles",
    "podCertificate": "podcertificates",
}


def refusal(pod: Obj, node: str, uid: str | None) -> str:
    """Why the node ``node`` may not make this pod; "" if it may. ``uid``: of its Node, None where there is none."""
    spec = pod.get("spec") or {}
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        return f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if spec.get("nodeName") != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    if why := _owner_refusal(pod["metadata"].get("ownerReferences") or [], node, uid):
        return why
    named = next(_named_by(spec), "")
    return f'node "{node}" can not create pods that reference {named}' if named else ""


def _owner_refusal(owners: list[Obj], node: str, uid: str | None) -> str:
    if len(owners) > 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        return f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    if uid is None:
        return f'error looking up node {node} to verify uid: nodes "{node}" not found'
    if owner.get("uid") != uid:
        return f"node {node} UID mismatch: expected {owner.get('uid') or ''} got {uid}"
    return ""


def _named_by(spec: Obj) -> Iterator[str]:
    """What a pod refers to, in the order in which upstream tells of it."""
    if spec.get("serviceAccountName"):
        yield "serviceaccounts"
    volumes = spec.get("volumes") or ()
    sources = [source for volume in volumes for source in (volume.get("projected") or {}).get("sources") or ()]
    given = [given for container in each_container(spec) for given in _given(container)]
    if spec.get("imagePullSecrets") or _any((*volumes, *sources), "secret") or _any(given, "secretRef", "secretKeyRef"):
        yield "secrets"
    if any(field in source for volume in volumes for source in _sources(volume) for field in _SECRET_FIELDS):
        yield "secrets"
    if _any((*volumes, *sources), "configMap") or _any(given, "configMapRef", "configMapKeyRef"):
        yield "configmaps"
    if spec.get("resourceClaims"):
        yield "resourceclaims"
    for known, found in ((_VOLUMES, volumes), (_PROJECTED, sources)):
        yield from (text for field, text in known.items() if _any(found, field))


def _given(container: Obj) -> Iterator[Obj]:
    """Where a container's environment comes from."""
    yield from container.get("envFrom") or ()
    yield from (variable.get("valueFrom") or {} for variable in container.get("env") or ())


def _sources(volume: Obj) -> Iterator[Obj]:
    yield from (source for source in volume.values() if isinstance(source, dict))


def _any(found: Iterable[Obj], *fields: str) -> bool:
    return any(one.get(field) is not None for one in found for field in fields)
