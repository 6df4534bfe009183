"""ClusterTrustBundleAttest, and who may issue a PodCertificateRequest: the right to ``attest`` for a signer, or to
``sign`` as one; and that a kubelet asks for certificates of its own pods only, as these are.

Source: "Certificates and Certificate Signing Requests" of the Kubernetes documentation; KEP-3257, KEP-4317.
"""

from __future__ import annotations

import orjson

from podo.admission.certificates import GROUP, may_for_signer
from podo.admission.request import AdmissionRequest, Plugin
from podo.api import registry
from podo.api.errors import ApiError, forbidden
from podo.api.kind import Kind, Obj

BUNDLES, REQUESTS = "clustertrustbundles", "podcertificaterequests"
#: What the garbage collector and a storage migration change: nobody's trust.
_COLLECTORS = ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation")
_MIRROR = "kubernetes.io/config.mirror"


def is_pod_request(kind: Kind) -> bool:
    return kind.group == GROUP and kind.plural == REQUESTS


async def attest(request: AdmissionRequest) -> None:
    new = request.object or {}
    signer = (new.get("spec") or {}).get("signerName") or ""
    if not signer or (request.old and _without_collectors(new) == _without_collectors(request.old)):
        return
    if not may_for_signer(request, "attest", signer):
        raise forbidden(request.kind, request.name, f'user not permitted to attest for signerName "{signer}"')


def _without_collectors(bundle: Obj) -> tuple[object, Obj]:
    kept = {key: value for key, value in bundle["metadata"].items() if key not in _COLLECTORS}
    return bundle.get("spec"), kept


async def sign(request: AdmissionRequest) -> None:
    old, new = request.old or {}, request.object or {}
    if (old.get("status") or {}) == (new.get("status") or {}):
        return
    signer = (old.get("spec") or {}).get("signerName") or ""
    if not may_for_signer(request, "sign", signer):
        raise forbidden(request.kind, request.name, f'user not permitted to sign requests with signerName "{signer}"')


# A kubelet's requests (part of NodeRestriction)


async def check_of_node(request: AdmissionRequest, node: str) -> None:
    """A request by the kubelet of ``node``. Raises ApiError, unless all that it says of the pod is so."""
    spec = (request.object or {}).get("spec") or {}
    pod = await _stored(request, "Pod", request.namespace, spec.get("podName") or "")
    account = await _stored(request, "ServiceAccount", request.namespace, spec.get("serviceAccountName") or "")
    own = await _stored(request, "Node", "", node)
    if why := _refusal(spec, node, pod, account, own):
        raise _refused(request, why)


async def _stored(request: AdmissionRequest, kind: str, namespace: str, name: str) -> Obj | None:
    record = await request.store.get(registry.named(kind).key(namespace, name)) if name else None
    return orjson.loads(record.value) if record else None


def _refusal(spec: Obj, node: str, pod: Obj | None, account: Obj | None, own: Obj | None) -> str:
    if spec.get("nodeName") != node:
        return (
            f'PodCertificateRequest.Spec.NodeName="{spec.get("nodeName")}", which is not the requesting node "{node}"'
        )
    if own is None or own["metadata"]["uid"] != spec.get("nodeUID"):
        return f'PodCertificateRequest for node "{node}" contains wrong node UID ("{spec.get("nodeUID")}")'
    if pod is None:
        return f'while retrieving pod named in the PodCertificateRequest: pod "{spec.get("podName")}" not found'
    if pod["metadata"]["uid"] != spec.get("podUID"):
        return f'PodCertificateRequest for pod "{spec.get("podName")}" contains wrong pod UID ("{spec.get("podUID")}")'
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return f'PodCertificateRequest is for mirror pod "{spec.get("podName")}"'
    if pod["spec"].get("nodeName") != node:
        return f'pod "{spec.get("podName")}" is not running on node "{node}", named in the PodCertificateRequest'
    named = spec.get("serviceAccountName")
    if (pod["spec"].get("serviceAccountName") or "") != named:
        return f'pod "{spec.get("podName")}" is not running under service account "{named}"'
    if account is None or account["metadata"]["uid"] != spec.get("serviceAccountUID"):
        return f'service account "{named}" has another UID than the PodCertificateRequest says'
    if not _asks_for(pod, spec.get("signerName") or ""):
        return f'pod "{spec.get("podName")}" has no podCertificate volume source for signer "{spec.get("signerName")}"'
    return ""


def _asks_for(pod: Obj, signer: str) -> bool:
    return any(
        (source.get("podCertificate") or {}).get("signerName") == signer
        for volume in pod["spec"].get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
    )


def _refused(request: AdmissionRequest, why: str) -> ApiError:
    return forbidden(request.kind, request.name, why)


ATTEST = Plugin(
    "ClusterTrustBundleAttest",
    lambda kind, operation, subresource: (
        kind.group == GROUP and kind.plural == BUNDLES and operation in ("CREATE", "UPDATE") and not subresource
    ),
    attest,
)
SIGNING = Plugin(
    "PodCertificateSigning",
    lambda kind, operation, subresource: is_pod_request(kind) and operation == "UPDATE" and subresource == "status",
    sign,
)
PLUGINS = (ATTEST, SIGNING)
