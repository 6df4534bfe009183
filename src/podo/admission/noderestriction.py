"""NodeRestriction: a kubelet writes its own Node and Lease, the status of its own pods, and asks for tokens of its own
pods only.

Source: "NodeRestriction" in "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api import registry
from podo.api.errors import ApiError, forbidden
from podo.api.kind import Kind, Obj

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
_LABEL_SPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if is_core(kind, "pods"):
        return subresource in ("", "status", "eviction", *_PARTS)
    if is_core(kind, "nodes"):
        return True
    if is_core(kind, "serviceaccounts"):
        return subresource == "token"
    return kind.group == "coordination.k8s.io" and kind.plural == "leases"


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
    elif request.name != node:
        raise _refused(request, "can only access node lease with the same name as the requesting node")


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
    for volume in spec.get("volumes") or ():
        for kind in ("secret", "configMap", "persistentVolumeClaim", "projected"):
            if kind in volume:
                raise _refused(request, f'node "{node}" can not create pods that reference {kind}s')


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
