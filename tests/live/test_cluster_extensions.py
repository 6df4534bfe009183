"""kubectl and what extends an API server: admission webhooks, and an extension API server behind it, both over TLS."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.live.conftest import new_namespace
from tests.live.kubectl import Kubectl
from tests.live.podo import Cluster
from tests.live.waiting import eventually
from tests.pki import Pki
from tests.unit.apiserver.aggregation.extensionserver import GROUP, VERSION, extending
from tests.unit.apiserver.calling.webhookserver import reviewing

pytestmark = pytest.mark.live

Obj = dict[str, Any]
T = TypeVar("T")


@contextmanager
def beside(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Run a server in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(60)
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.fixture
def kubectl(simulated_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    yield from new_namespace(simulated_cluster.kubectl, request)


def review(request: Obj) -> Obj:
    """Denies what is called bad, warns of what is called odd, and says no to every exec."""
    if request["operation"] == "CONNECT":
        return {"allowed": False, "status": {"message": "no shells here", "code": 403, "reason": "Forbidden"}}
    name = request["name"]
    if name == "bad":
        return {"allowed": False, "status": {"message": "bad is not a name", "code": 403, "reason": "Forbidden"}}
    return {"allowed": True, "warnings": ["an odd name"] if name == "odd" else []}


def configuration(kubectl: Kubectl, client: Obj) -> Obj:
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]},
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*"], "operations": ["CONNECT"]},
    ]
    hook = {
        "name": "names.example.com",
        "clientConfig": client,
        "rules": rules,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}},
        "matchConditions": [{"name": "not-ca", "expression": "request.name != 'kube-root-ca.crt'"}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    meta = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    return {**meta, "metadata": {"name": kubectl.namespace}, "webhooks": [hook]}


def test_kubectl_tells_what_webhooks_say(kubectl: Kubectl, tmp_path: Path) -> None:
    with beside(reviewing(Pki(tmp_path), review)) as webhook:
        kubectl("create", "service", "externalname", "hook", "--external-name", "localhost")
        service = {"namespace": kubectl.namespace, "name": "hook", "port": webhook.port}
        by_service = {"service": service, "caBundle": webhook.bundle}
        kubectl("apply", "-f", "-", given=configuration(kubectl, webhook.client()))
        denied = 'admission webhook "names.example.com" denied the request: bad is not a name'
        assert denied in kubectl.fails("create", "configmap", "bad")
        assert denied in kubectl.fails("create", "configmap", "bad", "--dry-run=server")
        assert "Warning: an odd name" in kubectl.run("create", "configmap", "odd").err
        kubectl("run", "web", "--image", "nginx:1.14.2")
        kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=120s")
        assert "no shells here" in kubectl.fails("exec", "web", "--", "true")
        kubectl("apply", "-f", "-", given=configuration(kubectl, by_service))
        error = kubectl.fails("create", "configmap", "other")
        assert f"certificate is not valid for hook.{kubectl.namespace}.svc" in error
        kubectl("delete", "validatingwebhookconfiguration", kubectl.namespace)
        kubectl("create", "configmap", "bad")


def test_kubectl_uses_an_extension_api_server(kubectl: Kubectl, simulated_cluster: Cluster, tmp_path: Path) -> None:
    serving = Pki(tmp_path)
    front_proxy = simulated_cluster.data_dir / "pki" / "front-proxy-ca.crt"
    with beside(extending(serving, front_proxy)) as extension:
        at = {"name": "f1", "namespace": kubectl.namespace}
        extension.flunders.append({"apiVersion": f"{GROUP}/{VERSION}", "kind": "Flunder", "metadata": at})
        kubectl("create", "service", "externalname", "api", "--external-name", "localhost", "-n", "default")
        spec = {"group": GROUP, "version": VERSION, "groupPriorityMinimum": 2000, "versionPriority": 200}
        spec |= {"caBundle": base64.b64encode(serving.ca.read_bytes()).decode()}
        spec |= {"service": {"namespace": "default", "name": "api", "port": extension.port}}
        name = f"{VERSION}.{GROUP}"
        meta = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}}
        kubectl("apply", "-f", "-", given={**meta, "spec": spec})
        kubectl("wait", "--for=condition=Available", f"apiservice/{name}", "--timeout=120s")
        mine = f"flunder.{GROUP}/f1\n"
        eventually(lambda: kubectl("get", "flunders", "-o", "name") == mine, "kubectl finds the resource")
        assert "flunders" in kubectl("api-resources", "--api-group", GROUP)
        assert "kubernetes-admin" in {headers.get("x-remote-user") for _, _, headers in extension.seen}
        assert extension.users == {"front-proxy-client"}
        row = kubectl("get", "apiservices", name, "--no-headers").split()
        assert row[1:3] == ["default/api", "True"]
        extension.healthy = False
        kubectl("annotate", "apiservice", name, "look=again")
        kubectl("wait", "--for=condition=Available=false", f"apiservice/{name}", "--timeout=120s")
        assert "ServiceUnavailable" in kubectl.fails("get", "flunders")
        kubectl("delete", "apiservice", name)
        kubectl("delete", "service", "api", "-n", "default")
