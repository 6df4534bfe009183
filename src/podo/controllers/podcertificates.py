"""PodCertificateRequests are removed half an hour after they were made, whatever became of them; and the CA of the API
server's certificate is published as a ClusterTrustBundle of the signer kubernetes.io/kube-apiserver-serving.

The bundle's name holds a hash of its content: a new CA makes a new bundle, and bundles that are not of this CA go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, Update
from podo.reconcile.declare import Declaration, Key, View
from podo.values import timestamp

KEPT_SECONDS = 30 * 60.0
SIGNER = "kubernetes.io/kube-apiserver-serving"


def _clean(key: Key, view: View) -> Iterator[Action]:
    request = view.get("PodCertificateRequest", key.name, key.namespace)
    if request is None or is_deleting(request):
        return
    left = timestamp.parse(request["metadata"]["creationTimestamp"]) + KEPT_SECONDS - view.now
    if left > 0:
        yield CheckAgain(left)
    else:
        yield Delete(request)


CLEANER = Declaration("podcertificaterequestcleaner", "PodCertificateRequest", _clean)


def bundle_name(signer: str, content: str) -> str:
    """``kubernetes.io:kube-apiserver-serving:`` and the first 12 bytes of the content's SHA-256."""
    return f"{signer.replace('/', ':')}:{hashlib.sha256(content.encode()).hexdigest()[:24]}"


def trustbundlepublisher(ca: str) -> Declaration:
    """``ca``: PEM."""
    name = bundle_name(SIGNER, ca)
    spec = {"signerName": SIGNER, "trustBundle": ca}

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        there = view.get("ClusterTrustBundle", key.name)
        if key.name != name:
            if there is not None and there["spec"].get("signerName") == SIGNER and not is_deleting(there):
                yield Delete(there)
        elif there is None:
            if view.get("Namespace", "kube-system") is not None:
                yield Create(
                    {
                        "apiVersion": "certificates.k8s.io/v1",
                        "kind": "ClusterTrustBundle",
                        "metadata": {"name": name},
                        "spec": dict(spec),
                    }
                )
        elif there["spec"] != spec:
            yield Update({**there, "spec": dict(spec)})

    def of_namespace(namespace: Obj, view: View) -> Iterator[Key]:
        """The first that there is in every cluster: it makes the bundle wanted before there is one."""
        if name_of(namespace) == "kube-system":
            yield Key("", name)

    return Declaration(
        "kube-apiserver-serving-clustertrustbundle-publisher",
        "ClusterTrustBundle",
        reconcile,
        watches={"Namespace": of_namespace},
    )
