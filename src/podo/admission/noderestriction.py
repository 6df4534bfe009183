"""NodeRestriction: a kubelet writes its own Node, Lease, CSINode and ResourceSlices, the status of its own pods, and
asks for tokens and certificates of its own pods only.

Source: "NodeRestriction" in "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable

from podo.admission import certificates, nodemirrorpods, nodetokens, podcertificates
from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.admission.stored import stored
from podo.api.errors import ApiError, forbidden
from podo.api.kind import Kind, Obj
from podo.api.meta import uid_of
from podo.api.parts.localvolume import is_on, is_to_go
from podo.api.parts.signername import KUBELET_CLIENT, KUBELET_SERVING
from podo.api.parts.systemnames import NODE_PREFIX, NODES

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
#: What a node writes of itself besides, by group and plural.
_LEASES, _CSI_NODES = ("coordination.k8s.io", "leases"), ("storage.k8s.io", "csinodes")
_SLICES = ("resource.k8s.io", "resourceslices")
_OWN = frozenset((_LEASES, _CSI_NODES, _SLICES))
_KUBELET_SIGNERS = (KUBELET_SERVING, KUBELET_CLIENT)
_LABEL_SPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")
#: What the server itself changes in an object's metadata.
_SERVER_S = frozenset({"resourceVersion", "managedFields", "generation"})
#: Of a claim's status, what a kubelet tells while it resizes the volume.
_RESIZING = frozenset({"capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"})


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if is_core(kind, "pods"):
        return subresource in ("", "status", "eviction", *_PARTS)
    if is_core(kind, "nodes"):
        return True
    if is_core(kind, "serviceaccounts"):
        return subresource == "token"
    if is_core(kind, "persistentvolumes"):
        return operation == "DELETE"
    if is_core(kind, "persistentvolumeclaims"):
        return True
    if podcertificates.is_pod_request(kind) or certificates.is_request(kind):
        return operation == "CREATE"
    return (kind.group, kind.plural) in _OWN


async def admit(request: AdmissionRequest) -> None:
    if NODES not in request.groups or not request.user.startswith(NODE_PREFIX):
        return
    node = request.user[len(NODE_PREFIX) :]
    if not node:
        raise _refused(request, f'could not determine node from user "{request.user}"')
    if is_core(request.kind, "pods"):
        await _pod(request, node)
    elif is_core(request.kind, "nodes"):
        _node(request, node)
    elif is_core(request.kind, "serviceaccounts"):
        await nodetokens.check(request, node)
    elif certificates.is_request(request.kind):
        _certificate(request, node)
    elif podcertificates.is_pod_request(request.kind):
        await podcertificates.check_of_node(request, node)
    elif is_core(request.kind, "persistentvolumes"):
        _volume(request, node)
    elif is_core(request.kind, "persistentvolumeclaims"):
        _claim(request, node)
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


async def _pod(request: AdmissionRequest, node: str) -> None:
    if request.subresource in _PARTS:
        why = f"unexpected pod subresource \"{request.subresource}\", only 'status' and 'eviction' are allowed"
        raise _refused(request, why)
    if request.subresource == "eviction":
        await _eviction(request, node)
    elif request.subresource == "status":
        _pod_status(request, node)
    elif request.operation == "CREATE":
        own = await stored(request, "Node", "", node)
        uid = uid_of(own) if own else None
        if why := nodemirrorpods.refusal(request.object or {"metadata": {}}, node, uid):
            raise _refused(request, why)
    elif request.operation != "DELETE":
        why = f'unexpected operation "{request.operation}", node "{node}" can only create and delete mirror pods'
        raise _refused(request, why)
    elif ((request.old or {}).get("spec") or {}).get("nodeName") != node:
        raise _refused(request, f'node "{node}" can only delete pods with spec.nodeName set to itself')


async def _eviction(request: AdmissionRequest, node: str) -> None:
    """Before a disruption budget is asked: that would be spent, and the pod marked."""
    pod = await stored(request, "Pod", request.namespace, request.name) or {}
    if (pod.get("spec") or {}).get("nodeName") != node:
        raise _refused(request, f"node {node} can only evict pods with spec.nodeName set to itself")


def _pod_status(request: AdmissionRequest, node: str) -> None:
    new, old = request.object or {}, request.old or {}
    if (old.get("spec") or {}).get("nodeName") != node:
        raise _refused(request, f'node "{node}" can only update pod status for pods with spec.nodeName set to itself')
    if (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        raise _refused(request, f'node "{node}" cannot update labels through pod status')
    before, after = old.get("status") or {}, new.get("status") or {}
    if (before.get("resourceClaimStatuses") or []) != (after.get("resourceClaimStatuses") or []):
        raise _refused(request, f'node "{node}" cannot update resource claim statues')  # as upstream writes it
    if before.get("extendedResourceClaimStatus") != after.get("extendedResourceClaimStatus"):
        raise _refused(request, f'node "{node}" cannot update extended resource claim status')


def _claim(request: AdmissionRequest, node: str) -> None:
    if request.subresource != "status":
        raise _refused(request, "may only update PVC status")
    if _beside_resizing(request.object or {}) != _beside_resizing(request.old or {}):
        fields = "fields other than status.quantity and status.conditions"
        raise _refused(request, f'node "{node}" is not allowed to update {fields}')


def _beside_resizing(claim: Obj) -> Obj:
    """All of a claim but what a kubelet may change."""
    metadata = {key: value for key, value in claim["metadata"].items() if key not in _SERVER_S}
    status = {key: value for key, value in (claim.get("status") or {}).items() if key not in _RESIZING}
    return {**claim, "metadata": metadata, "status": status}


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
            raise _refused(request, f"is not allowed to modify labels: {', '.join(wrong)}")


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
    if subject.common_name != f"{NODE_PREFIX}{node}":
        raise _refused(request, f"can only create a node CSR with CN={NODE_PREFIX}{node}")


PLUGIN = Plugin("NodeRestriction", handles, admit)
