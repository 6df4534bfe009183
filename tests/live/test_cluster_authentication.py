"""Who is believed by a real cluster: bootstrap tokens, an issuer of one's own, certificates before and after the CA is
changed; and who may use a kubelet's port."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster, cluster
from tests.unit.authn.issuer import Issuer
from tests.unit.authn.test_jwt import BY_RULE, document

pytestmark = pytest.mark.live


@contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    """An issuer in a thread of its own."""
    issuer, loop = Issuer(folder), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(issuer.start(), loop).result(60)
    try:
        yield issuer
    finally:
        asyncio.run_coroutine_threadsafe(issuer.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)


def whoami(made: Cluster, token: str) -> str:
    """As whom a token is believed."""
    context = ssl.create_default_context(cafile=str(made.data_dir / "pki" / "ca.crt"))
    url = f"https://127.0.0.1:{made.port}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), context=context, timeout=60) as answer:
        return str(json.load(answer)["status"]["userInfo"]["username"])


def status_of(url: str, token: str = "") -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@needs_root
@needs_containerd
def test_a_kubelet_lets_in_whom_the_api_server_lets(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    node = json.loads(kubectl("get", "node", "node-1", "-o", "json"))["status"]
    port = node["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    kubelet = f"https://{node['addresses'][0]['address']}:{port}"
    kubectl("create", "clusterrole", kubectl.namespace, "--verb=get", "--resource=nodes/metrics")
    account = f"--serviceaccount={kubectl.namespace}:default"
    kubectl("create", "clusterrolebinding", kubectl.namespace, f"--clusterrole={kubectl.namespace}", account)
    token = kubectl("create", "token", "default")
    assert status_of(f"{kubelet}/metrics/resource", token) == 200
    assert status_of(f"{kubelet}/pods", token) == 403
    assert status_of(f"{kubelet}/pods", "nonsense") == 401
    assert status_of(f"{kubelet}/pods") == 401
    kubectl("delete", "clusterrole,clusterrolebinding", kubectl.namespace)


def test_tokens_of_others_and_another_ca(tmp_path: Path) -> None:
    with issuing(tmp_path) as issuer:
        config = tmp_path / "authentication.yaml"
        config.write_bytes(document(issuer.url, issuer.pki.ca.read_text(), **BY_RULE))
        with cluster("authn", "simulated", "--authentication-config", str(config)) as made:
            kubectl = made.kubectl
            claims: dict[str, Any] = {"roles": ["dev"], "team": "web"}
            assert whoami(made, issuer.sign(**claims)) == "x:ann"
            made_token = made.podo("token create", "--ttl", "1h")
            assert made_token.code == 0, str(made_token)
            token = made_token.out.strip()
            assert whoami(made, token) == f"system:bootstrap:{token[:6]}"
            assert token[:6] in made.podo("token list").out and token[7:] not in made.podo("token list").out
            info = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
            assert status_of(f"https://127.0.0.1:{made.port}{info}") == 200
            for step in ("begin", "switch"):
                ended = made.podo(f"certs rotate-ca {step}")
                assert ended.code == 0, str(ended)
                assert kubectl("get", "nodes", "-o", "name") == "node/node-1\n"
            assert whoami(made, issuer.sign("ES256", **claims)) == "x:ann"
            listed = json.loads(made.podo("certs list", "-o", "json").out)
            assert {one["name"] for one in listed} >= {"ca", "apiserver", "admin"}
