"""What of the API a pod refers to. A pod that a node makes itself, a static pod or its mirror, refers to nothing: its
node could read all of that (CVE-2025-4563).

Source: "Create static Pods" in the Kubernetes documentation; "NodeRestriction" in "Admission Controllers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podo.api.kind import Obj
from podo.api.parts.podtemplate import each_container

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


def named_by(spec: Obj) -> Iterator[str]:
    """The resources that a pod refers to, in the order in which upstream tells of them."""
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
