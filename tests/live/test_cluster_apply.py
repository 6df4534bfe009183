"""Server-side apply with the unmodified kubectl and Helm, on a cluster of simulated nodes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import manifests
from tests.live.conftest import new_namespace
from tests.live.kubectl import HELM, Kubectl
from tests.live.podo import cluster

pytestmark = pytest.mark.live

APPLY = ("apply", "--server-side", "-f", "-")


@pytest.fixture(scope="module")
def simulated() -> Iterator[Kubectl]:
    with cluster("apply", "simulated") as made:
        yield made.kubectl


@pytest.fixture
def kubectl(simulated: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    yield from new_namespace(simulated, request)


def web(**spec: Any) -> manifests.Obj:
    made = manifests.deployment("web", {"name": "nginx", "image": "nginx:1.14.2"})
    del made["spec"]["replicas"]
    made["spec"].update(spec)
    return made


def replicas(number: int | None) -> manifests.Obj:
    """What a manager that only cares for the number of replicas applies."""
    spec = {} if number is None else {"replicas": number}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def owners(kubectl: Kubectl, what: str) -> dict[str, Any]:
    entries = json.loads(kubectl("get", what, "-o", "json", "--show-managed-fields"))["metadata"]["managedFields"]
    return {f"{e['manager']} {e['operation']} {e.get('subresource', '')}".strip(): e["fieldsV1"] for e in entries}


def test_two_managers_of_one_object(kubectl: Kubectl) -> None:
    scaler = (*APPLY, "--field-manager=scaler")
    applied = "deployment.apps/web serverside-applied\n"
    assert kubectl(*APPLY, given=web(replicas=2)) == applied
    revision = kubectl.path("{.metadata.managedFields[0].time}", "deployment/web", "--show-managed-fields")
    assert kubectl(*APPLY, given=web(replicas=2)) == applied
    assert revision == kubectl.path("{.metadata.managedFields[0].time}", "deployment/web", "--show-managed-fields")
    refusal = kubectl.fails(*scaler, given=replicas(5))
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas' in refusal
    assert "server dry run" in kubectl(*scaler, "--force-conflicts", "--dry-run=server", given=replicas(5))
    assert kubectl.path("{.spec.replicas}", "deployment/web") == "2"
    kubectl(*scaler, "--force-conflicts", given=replicas(5))
    assert kubectl.path("{.spec.replicas}", "deployment/web") == "5"
    assert owners(kubectl, "deployment/web")["scaler Apply"] == {"f:spec": {"f:replicas": {}}}
    assert 'conflict with "scaler": .spec.replicas' in kubectl.fails(*APPLY, given=web(replicas=2))
    kubectl(*APPLY, given=web())
    kubectl(*scaler, given=replicas(None))
    assert kubectl.path("{.spec.replicas}", "deployment/web") == "1"
    assert "managedFields" not in kubectl("get", "deployment/web", "-o", "yaml")


def test_who_writes_owns(kubectl: Kubectl) -> None:
    kubectl(*APPLY, given=web(replicas=1))
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    (pod,) = kubectl("get", "pods", "-o", "name").split()
    assert {"kube-controller-manager Update", "kubelet Update status"} <= set(owners(kubectl, pod))
    kubectl("scale", "deployment/web", "--replicas=3")
    kubectl("label", "deployment/web", "tier=front", "--field-manager=me")
    kubectl("set", "image", "deployment/web", "nginx=nginx:1.16.1")
    found = owners(kubectl, "deployment/web")
    assert found["kubectl Update scale"] == {"f:spec": {"f:replicas": {}}}
    assert found["me Update"] == {"f:metadata": {"f:labels": {"f:tier": {}}}}
    assert "f:image" in str(found["kubectl-set Update"])
    assert "f:status" in found["kube-controller-manager Update status"]
    refusal = kubectl.fails(*APPLY, given=web(replicas=1))
    assert 'conflicts with "kubectl" with subresource "scale" using apps/v1:\n- .spec.replicas' in refusal
    assert '- .spec.template.spec.containers[name="nginx"].image' in refusal


def test_from_client_side_apply_and_back(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.config_map("m", a="1", b="2"))
    assert "kubectl-client-side-apply Update" in owners(kubectl, "configmap/m")
    kubectl(*APPLY, given=manifests.config_map("m", a="3"))
    assert kubectl.path("{.data}", "configmap/m") == '{"a":"3"}'
    assert "kubectl-client-side-apply Update" not in owners(kubectl, "configmap/m")
    assert 'a: "3"' in kubectl("apply", "view-last-applied", "configmap/m")
    kubectl("apply", "-f", "-", given=manifests.config_map("m", a="4"))
    assert kubectl.path("{.data}", "configmap/m") == '{"a":"4"}'
    changed = kubectl.run("diff", "--server-side", "-f", "-", given=manifests.config_map("m", a="5"))
    assert changed.code == 1 and '+  a: "5"' in changed.out
    unknown = {**manifests.config_map("m"), "dat": {"a": "b"}}
    assert ".dat: field not declared in schema" in kubectl.fails(*APPLY, given=unknown)


TEMPLATE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.14.2"}]}
"""


def test_helm_applies_server_side(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 0.1.0\n")
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    (tmp_path / "templates/web.yaml").write_text(TEMPLATE)
    home = dict.fromkeys(("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"), str(tmp_path / "home"))

    def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [str(HELM), "--kube-context", kubectl.context, "--namespace", kubectl.namespace, *arguments]
        environment = {**kubectl.environment, **home}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300)

    chart = str(tmp_path)
    installed = helm("install", "tiny", chart, "--wait", "--timeout", "120s")
    assert installed.returncode == 0, installed.stderr
    assert "helm Apply" in owners(kubectl, "deployment/web")
    kubectl("scale", "deployment/web", "--replicas=2")
    refused = helm("upgrade", "tiny", chart, "--set", "replicas=3")
    assert refused.returncode != 0
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refused.stderr
    forced = helm("upgrade", "tiny", chart, "--set", "replicas=3", "--force-conflicts", "--wait", "--timeout", "120s")
    assert forced.returncode == 0, forced.stderr
    assert kubectl.path("{.spec.replicas}", "deployment/web") == "3"
    assert helm("rollback", "tiny", "1").returncode == 0
    assert helm("uninstall", "tiny").returncode == 0
