"""Pod certificates and trust bundles on a real node, by its kubelet's own rights; the test is the signer."""

from __future__ import annotations

import json
import re

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually
from tests.unit.node.podsigner import NAME, Signer

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

SERVING = "kubernetes.io/kube-apiserver-serving"
MERGE = ("--subresource=status", "--type=merge", "-p")


def test_a_pod_has_a_certificate_of_its_own_and_knows_whom_to_trust(kubectl: Kubectl) -> None:
    """The cluster's CA is published; for the rest the test is the signer."""
    listed = kubectl("get", "clustertrustbundles")
    assert re.search(rf"^kubernetes\.io:kube-apiserver-serving:\w{{24}} +{SERVING}$", listed, re.M), listed
    signer = Signer()
    spec = {"signerName": NAME, "trustBundle": signer.ca}
    name = f"example.com:pods:{kubectl.namespace}"
    bundle = {"apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle", "metadata": {"name": name}}
    kubectl("create", "-f", "-", given={**bundle, "spec": spec})
    certificate = {"signerName": NAME, "keyType": "ECDSAP256", "credentialBundlePath": "me.pem"}
    sources = [
        {"podCertificate": certificate},
        {"clusterTrustBundle": {"name": name, "path": "ca.pem"}},
        {"clusterTrustBundle": {"signerName": SERVING, "labelSelector": {}, "path": "cluster.pem"}},
    ]
    volume = {"name": "identity", "projected": {"sources": sources}}
    mounted = manifests.shell(volumeMounts=[{"name": "identity", "mountPath": "/identity"}])
    kubectl("create", "-f", "-", given=manifests.pod("named", mounted, volumes=[volume]))
    try:
        asked = eventually(
            lambda: kubectl.json("get", "podcertificaterequests")["items"], "the kubelet asks for a certificate"
        )[0]
        status = json.dumps({"status": signer.issue(asked["spec"])})
        kubectl("patch", "podcertificaterequest", asked["metadata"]["name"], *MERGE, status)
        kubectl("wait", "pod/named", "--for=condition=Ready", "--timeout=120s")
        assert asked["spec"]["podName"] == "named"
        assert kubectl("exec", "named", "--", "cat", "/identity/ca.pem") == signer.ca
        other = Signer("other").ca
        kubectl("patch", "clustertrustbundle", name, "--type=merge", "-p", json.dumps({"spec": {"trustBundle": other}}))
        read = ("exec", "named", "--", "cat", "/identity/ca.pem")
        eventually(lambda: kubectl(*read) == other, "the pod's file follows the bundle")
        mine = kubectl("exec", "named", "--", "cat", "/identity/me.pem").encode()
        leaf = load_pem_x509_certificates(mine)[0]
        assert load_pem_private_key(mine, None).public_key() == leaf.public_key()
        authority = kubectl("get", "configmap", "kube-root-ca.crt", "-o", "jsonpath={.data.ca\\.crt}")
        assert kubectl("exec", "named", "--", "cat", "/identity/cluster.pem").split() == authority.split()
    finally:
        kubectl("delete", "clustertrustbundle", name)
