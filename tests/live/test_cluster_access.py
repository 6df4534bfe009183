"""Access control with the real kubectl: roles, tokens, users made by certificate requests, and a pod's own token."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]
MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"


def ask(
    cluster: Cluster, path: str, ca: str, token: str = "", files: tuple[Path, Path] | None = None
) -> tuple[int, Any]:
    """GET, as a client beside kubectl."""
    context = ssl.create_default_context(cadata=ca)
    if files:
        context.load_cert_chain(*files)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"https://127.0.0.1:{cluster.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_a_role_and_who_has_it(kubectl: Kubectl) -> None:
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    kubectl("create", "rolebinding", "readers", "--role=reader", "--user=jane")
    assert kubectl("auth", "can-i", "list", "pods", "--as=jane") == "yes\n"
    assert "pods" in kubectl("auth", "can-i", "--list", "--as=jane")
    refused = kubectl.fails("get", "secrets", "--as=jane")
    assert 'User "jane" cannot list resource "secrets" in API group "" in the namespace' in refused
    assert "devs" in kubectl("auth", "whoami", "--as=jane", "--as-group=devs")
    assert "Role/reader" in kubectl("get", "rolebindings", "-o", "wide")
    kubectl("delete", "rolebinding", "readers")
    kubectl.fails("get", "pods", "--as=jane")


def test_a_pods_token_ends_with_the_pod(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    account = f"{kubectl.namespace}:default"
    kubectl("create", "rolebinding", "viewers", "--clusterrole=view", f"--serviceaccount={account}")
    kubectl("apply", "-f", "-", given=manifests.pod("web"))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=120s")
    token, ca = (kubectl("exec", "web", "--", "cat", f"{MOUNTED}/{name}") for name in ("token", "ca.crt"))
    assert kubectl("exec", "web", "--", "cat", f"{MOUNTED}/namespace") == kubectl.namespace
    pods = f"/api/v1/namespaces/{kubectl.namespace}/pods"
    status, found = ask(shared_cluster, pods, ca, token)
    assert status == 200 and [pod["metadata"]["name"] for pod in found["items"]] == ["web"]
    status, refused = ask(shared_cluster, f"/api/v1/namespaces/{kubectl.namespace}/secrets", ca, token)
    assert status == 403 and f'User "system:serviceaccount:{account}" cannot list' in refused["message"]
    kubectl("delete", "pod", "web", "--grace-period=1")
    eventually(lambda: ask(shared_cluster, pods, ca, token)[0] == 401, "the token is believed no more")
    made = kubectl("create", "token", "default").strip()
    assert ask(shared_cluster, pods, ca, made)[0] == 200


def test_a_user_made_by_a_certificate_request(kubectl: Kubectl, shared_cluster: Cluster, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "max")])
    wish = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    pem = wish.public_bytes(serialization.Encoding.PEM)
    spec = {
        "request": base64.b64encode(pem).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    request = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "max"}}
    kubectl("apply", "-f", "-", given={**request, "spec": spec})
    assert "Pending" in kubectl("get", "csr", "max")
    kubectl("certificate", "approve", "max")
    eventually(lambda: "Approved,Issued" in kubectl("get", "csr", "max"), "the certificate")
    files = tmp_path / "max.crt", tmp_path / "max.key"
    files[0].write_bytes(base64.b64decode(kubectl.path("{.status.certificate}", "csr", "max")))
    encoded = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(*encoded))
    ca = (shared_cluster.data_dir / "pki" / "ca.crt").read_text()
    pods = f"/api/v1/namespaces/{kubectl.namespace}/pods"
    status, refused = ask(shared_cluster, pods, ca, files=files)
    assert status == 403 and 'User "max" cannot list resource "pods"' in refused["message"]
    kubectl("create", "rolebinding", "max", "--clusterrole=view", "--user=max")
    assert ask(shared_cluster, pods, ca, files=files)[0] == 200


def test_a_kubelets_certificate_opens_its_own_pods_secrets_only(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    for name in ("used", "other"):
        kubectl("create", "secret", "generic", name, "--from-literal=a=b")
    reference = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "used", "key": "a"}}}
    kubectl("apply", "-f", "-", given=manifests.pod("web", manifests.shell(env=[reference])))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=120s")
    pki = shared_cluster.data_dir / "pki"
    files = pki / "kubelet-node-1.crt", pki / "kubelet-node-1.key"
    secrets = f"/api/v1/namespaces/{kubectl.namespace}/secrets"
    ca = (pki / "ca.crt").read_text()
    assert ask(shared_cluster, f"{secrets}/used", ca, files=files)[0] == 200
    status, refused = ask(shared_cluster, f"{secrets}/other", ca, files=files)
    assert status == 403 and "no relationship found between node 'node-1' and this object" in refused["message"]
    assert ask(shared_cluster, secrets, ca, files=files)[0] == 403
