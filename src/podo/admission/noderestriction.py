"""NodeRestriction: a kubelet writes its own Node, Lease, CSINode and ResourceSlices, the status of its own pods, and
asks for tokens and certificates of its own pods only.

Source: "NodeRestriction" in "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from podo.admission import certificates, podcertificates
from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api import registry
from podo.api.errors import ApiError, forbidden
from podo.api.kind import Kind, Obj
from podo.api.parts.localvolume import is_on, is_to_go

GROUP, PREFIX = "system:nodes", "system:node:"
MIRROR = "kubernetes.io/config.mirror"
RESTRICTION = "node-restriction.kubernetes.io/"
#: Labels below kubernetes.io and k8s.io that a kubelet may set on its own Node.
_LABELS = frozenset(
    {
        *("kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch"),
        *("beta.kubernetes.io/os", "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type"),
        *("node.kubernetes.io/instance-type", "topology.kubernetes.io/region", "topology.kubernetes.io/zone"),
        *("failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"),
    }
)
#: Parts of a pod's spec, which are none of a node's business.
_PARTS = ("ephemeralcontainers", "resize")
#: Fields of volumes' sources that name a Secret.
_SECRET_FIELDS = ("secretName", "secretRef", "nodePublishSecretRef")
#: What a node writes of itself besides, by group and plural.
_LEASES, _CSI_NODES = ("coordination.k8s.io", "leases"), ("storage.k8s.io", "csinodes")
_SLICES = ("resource.k8s.io", "resourceslices")
_OWN = frozenset((_LEASES, _CSI_NODES, _SLICES))
_KUBELET_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
_LABEL_SPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if is_core(kind, "pods"):
        return subresource in ("", "status", "eviction", *_PARTS)
    if is_core(kind, "nodes"):
        return True
    if is_core(kind, "serviceaccounts"):
        return subresource == "token"
    if is_core(kind, "persistentvolumes"):
        return operation == "DELETE"
    if podcertificates.is_pod_request(kind) or certificates.is_request(kind):
        return operation == "CREATE"
    return (kind.group, kind.plural) in _OWN


async def admit(request: AdmissionRequest) -> None:
    if GROUP not in request.groups or not request.user.startswith(PREFIX):
        return
    node = request.user[len(PREFIX) :]
    if is_core(request.kind, "pods") and request.subresource == "eviction":
        await _eviction(request, node)
    elif is_core(request.kind, "pods"):
        _pod(request, node)
    elif is_core(request.kind, "nodes"):
        _node(request, node)
    elif is_core(request.kind, "serviceaccounts"):
        await _token(request)
    elif certificates.is_request(request.kind):
        _certificate(request, node)
    elif podcertificates.is_pod_request(request.kind):
        await podcertificates.check_of_node(request, node)
    elif is_core(request.kind, "persistentvolumes"):
        _volume(request, node)
    else:
        _own(request, node)


def _own(request: AdmissionRequest, node: str) -> None:
    which = (request.kind.group, request.kind.plural)
    if which == _SLICES:
        slice_ = request.object if request.operation == "CREATE" else request.old
        if request.operation != "UPDATE" and ((slice_ or {}).get("spec") or {}).get("nodeName") != node:
            why = f"can only {request.operation.lower()} ResourceSlice with the same NodeName as the requesting node"
            raise _refused(request, why)
    elif request.name != node:
        what = "node lease" if which == _LEASES else "CSINode"
        raise _refused(request, f"can only access {what} with the same name as the requesting node")


def _refused(request: AdmissionRequest, why: str) -> ApiError:
    return forbidden(request.kind, request.name, why)


async def _eviction(request: AdmissionRequest, node: str) -> None:
    """Before a disruption budget is asked: that would be spent, and the pod marked."""
    record = await request.store.get(request.kind.key(request.namespace, request.name))
    pod = orjson.loads(record.value) if record else {}
    if (pod.get("spec") or {}).get("nodeName") != node:
        raise _refused(request, f'node "{node}" can only evict pods with spec.nodeName set to itself')


def _pod(request: AdmissionRequest, node: str) -> None:
    new, old = request.object or {}, request.old or {}
    if request.subresource in _PARTS:
        why = f"unexpected pod subresource \"{request.subresource}\", only 'status' and 'eviction' are allowed"
        raise _refused(request, why)
    if request.operation == "CREATE":
        _mirror_pod(request, new, node)
        return
    if (old.get("spec") or {}).get("nodeName") != node:
        what = "delete pods" if request.operation == "DELETE" else "update pod status for pods"
        raise _refused(request, f'node "{node}" can only {what} with spec.nodeName set to itself')
    if request.operation == "UPDATE" and (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        raise _refused(request, f'node "{node}" cannot update labels through pod status')


def _mirror_pod(request: AdmissionRequest, pod: Obj, node: str) -> None:
    spec = pod.get("spec") or {}
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        why = f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
        raise _refused(request, why)
    if spec.get("nodeName") != node:
        raise _refused(request, f'node "{node}" can only create pods with spec.nodeName set to itself')
    if spec.get("serviceAccountName"):
        raise _refused(request, f'node "{node}" can not create pods that reference a service account')
    if named := next(_named_by(spec), ""):
        raise _refused(request, f'node "{node}" can not create pods that reference {named}')


def _named_by(spec: Obj) -> Iterator[str]:
    """What a pod refers to: its node could read all of that (CVE-2025-4563), so a node's own pod refers to nothing."""
    if spec.get("imagePullSecrets"):
        yield "secrets"
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield from _named_by_container(container)
    for volume in spec.get("volumes") or ():
        yield from _named_by_volume(volume)
    if spec.get("resourceClaims"):
        yield "resourceclaims"


def _named_by_container(container: Obj) -> Iterator[str]:
    for source in container.get("envFrom") or ():
        yield from _first(source, secretRef="secrets", configMapRef="configmaps")
    for variable in container.get("env") or ():
        yield from _first(variable.get("valueFrom") or {}, secretKeyRef="secrets", configMapKeyRef="configmaps")


def _named_by_volume(volume: Obj) -> Iterator[str]:
    claims = {"persistentVolumeClaim": "persistentvolumeclaims", "ephemeral": "persistentvolumeclaims"}
    yield from _first(volume, secret="secrets", configMap="configmaps", **claims)
    for source in volume.values():
        if isinstance(source, dict) and any(field in source for field in _SECRET_FIELDS):
            yield "secrets"
    trust = {"serviceAccountToken": "serviceaccounts", "clusterTrustBundle": "clustertrustbundles"}
    trust["podCertificate"] = "podcertificaterequests"
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _first(source, secret="secrets", configMap="configmaps", **trust)


def _first(source: Obj, **known: str) -> Iterator[str]:
    yield from (plural for field, plural in known.items() if source.get(field) is not None)


def _node(request: AdmissionRequest, node: str) -> None:
    if request.name != node:
        raise _refused(request, f'node "{node}" is not allowed to modify node "{request.name}"')
    new, old = request.object or {}, request.old or {}
    if request.operation == "CREATE":
        if wrong := _unallowed((new["metadata"].get("labels") or {}).keys()):
            raise _refused(request, f'node "{node}" is not allowed to set the following labels: {", ".join(wrong)}')
    elif request.operation == "UPDATE":
        if ((new.get("spec") or {}).get("taints") or []) != ((old.get("spec") or {}).get("taints") or []):
            raise _refused(request, f'node "{node}" is not allowed to modify taints')
        if (new["metadata"].get("ownerReferences") or []) != (old["metadata"].get("ownerReferences") or []):
            raise _refused(request, f'node "{node}" is not allowed to modify ownerReferences')
        before, after = old["metadata"].get("labels") or {}, new["metadata"].get("labels") or {}
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        if wrong := _unallowed(changed):
            raise _refused(request, f'node "{node}" is not allowed to modify labels: {", ".join(wrong)}')


def _unallowed(labels: Iterable[str]) -> list[str]:
    """Those of the labels that are an administrator's to set."""
    return sorted(label for label in labels if not _is_allowed(label))


def _is_allowed(label: str) -> bool:
    space, slash, _ = label.partition("/")
    if not slash or label in _LABELS:
        return True
    if any(space == own or space.endswith("." + own) for own in _LABEL_SPACES):
        return True
    return not any(space == theirs or space.endswith("." + theirs) for theirs in ("kubernetes.io", "k8s.io"))


def _volume(request: AdmissionRequest, node: str) -> None:
    volume = request.old or {"metadata": {}}
    if not (is_on(volume, node) and is_to_go(volume)):
        raise _refused(request, f'node "{node}" can only delete released persistentvolumes that were made on its disk')


def _certificate(request: AdmissionRequest, node: str) -> None:
    """Of the two signers for kubelets; the rest of the subject is the signer's to check."""
    spec = (request.object or {}).get("spec") or {}
    if spec.get("signerName") not in _KUBELET_SIGNERS:
        return
    subject = certificates.subject_of(spec.get("request") or "")
    if subject is None:
        raise _refused(request, "unable to parse csr")
    if subject.common_name != f"{PREFIX}{node}":
        raise _refused(request, f"can only create a node CSR with CN={PREFIX}{node}")


async def _token(request: AdmissionRequest) -> None:
    reference = ((request.object or {}).get("spec") or {}).get("boundObjectRef") or {}
    if reference.get("kind") != "Pod" or reference.get("apiVersion") != "v1" or not reference.get("name"):
        raise _refused(request, "node requested token not bound to a pod")
    if not reference.get("uid"):
        raise _refused(request, "node requested token with a pod binding without a uid")
    record = await request.store.get(registry.named("Pod").key(request.namespace, reference["name"]))
    pod = orjson.loads(record.value) if record else {"metadata": {}, "spec": {}}
    if pod["metadata"].get("uid") != reference["uid"]:
        raise _refused(request, "the UID in the bound object reference does not match the UID in record")
    if pod["spec"].get("nodeName") != request.user[len(PREFIX) :]:
        raise _refused(request, "node requested token bound to a pod scheduled on a different node")


PLUGIN = Plugin("NodeRestriction", handles, admit)
