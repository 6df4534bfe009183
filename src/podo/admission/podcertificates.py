"""ClusterTrustBundleAttest, and who may issue a PodCertificateRequest: the right to ``attest`` for a signer, or to
``sign`` as one; and that a kubelet asks for certificates of its own pods only, as these are.

Source: "Certificates and Certificate Signing Requests" of the Kubernetes documentation; KEP-3257, KEP-4317.
"""

from __future__ import annotations

from podo.admission.certificates import GROUP, may_for_signer
from podo.admission.request import AdmissionRequest, Plugin
from podo.admission.stored import stored
from podo.api import rules
from podo.api.errors import ApiError, forbidden, invalid
from podo.api.kind import Kind, Obj
from podo.api.kinds.certificates import issuedchain, podcertificaterequest
from podo.api.parts.pod_annotations import MIRROR

BUNDLES, REQUESTS = "clustertrustbundles", "podcertificaterequests"
#: What the garbage collector and a storage migration change: nobody's trust.
_COLLECTORS = ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation")
#: To ask as a kubelet for a signer that the pod has no volume for: on a resource named like it, with ":" for "/".
RIGHT = "request-serviceaccounts-podcertificate-signer"


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
    """What the rules of a status leave: that the certificate is a new one, and who may sign. Raises Invalid, as
    upstream's strategy does."""
    old, new = request.old or {}, request.object or {}
    if podcertificaterequest.said(old) == podcertificaterequest.said(new):
        return
    is_issued = podcertificaterequest.outcome(new) == "Issued"
    if is_issued and (problem := issuedchain.wrong_beginning(new, request.now())):
        raise invalid(request.kind, request.name, [problem])
    signer = (old.get("spec") or {}).get("signerName") or ""
    if not may_for_signer(request, "sign", signer):
        why = f'User "{request.user}" is not permitted to "sign" for signer "{signer}"'
        raise invalid(request.kind, request.name, [rules.forbidden("spec.signerName", why)])


# A kubelet's requests (part of NodeRestriction)


async def check_of_node(request: AdmissionRequest, node: str) -> None:
    """A request by the kubelet of ``node``. Raises ApiError, unless all that it says of the pod is so."""
    spec = (request.object or {}).get("spec") or {}
    pod = await stored(request, "Pod", request.namespace, spec.get("podName") or "")
    account = await stored(request, "ServiceAccount", request.namespace, spec.get("serviceAccountName") or "")
    own = await stored(request, "Node", "", node)
    shown = f'"{request.namespace}/{spec.get("podName") or ""}"'
    why = _node_refusal(spec, node, own, shown) or _pod_refusal(spec, node, pod, shown)
    if why := why or _account_refusal(spec, pod or {}, account, shown):
        raise _refused(request, why)
    _check_signer(request, pod or {}, spec, shown)


def _node_refusal(spec: Obj, node: str, own: Obj | None, shown: str) -> str:
    named = spec.get("nodeName") or ""
    if named != node:
        return f'PodCertificateRequest.Spec.NodeName="{named}", which is not the requesting node "{node}"'
    if own is None:
        return f'while retrieving node "{node}" named in the PodCertificateRequest: node "{node}" not found'
    uid, said = own["metadata"]["uid"], spec.get("nodeUID") or ""
    if said == uid:
        return ""
    return (
        f'PodCertificateRequest for pod {shown} names node UID "{said}", inconsistent with the running node ("{uid}")'
    )


def _pod_refusal(spec: Obj, node: str, pod: Obj | None, shown: str) -> str:
    if pod is None:
        name = spec.get("podName") or ""
        return f'while retrieving pod {shown} named in the PodCertificateRequest: pod "{name}" not found'
    uid, said = pod["metadata"]["uid"], spec.get("podUID") or ""
    if said != uid:
        return (
            f'PodCertificateRequest for pod {shown} contains pod UID ("{said}") which differs from running pod "{uid}"'
        )
    if pod["spec"].get("nodeName") != node:
        return f'pod {shown} is not running on node "{node}" named in the PodCertificateRequest'
    return f"pod {shown} is a mirror pod" if MIRROR in (pod["metadata"].get("annotations") or {}) else ""


def _account_refusal(spec: Obj, pod: Obj, account: Obj | None, shown: str) -> str:
    named, runs_as = spec.get("serviceAccountName") or "", pod["spec"].get("serviceAccountName") or ""
    if named != runs_as:
        why = f'contains serviceAccountName ("{named}") that differs from running pod ("{runs_as}")'
        return f"PodCertificateRequest for pod {shown} {why}"
    uid, said = (account or {"metadata": {"uid": ""}})["metadata"]["uid"], spec.get("serviceAccountUID") or ""
    if said == uid:
        return ""
    why = f'names service account UID "{said}", which differs from the running service account ("{uid}")'
    return f"PodCertificateRequest for pod {shown} {why}"


def _check_signer(request: AdmissionRequest, pod: Obj, spec: Obj, shown: str) -> None:
    """The pod has a volume for the signer, or the kubelet the right to ask for it all the same."""
    signer, account = spec.get("signerName") or "", spec.get("serviceAccountName") or ""
    if _asks_for(pod, signer) or request.may(RIGHT, GROUP, signer.replace("/", ":"), account, request.namespace):
        return
    why = f'pod {shown} does not mount a podCertificate projected volume for signer "{signer}"'
    raise _refused(request, why)


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
