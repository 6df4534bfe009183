"""Helm, unmodified, installs, upgrades, rolls back and removes a chart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.live.kubectl import HELM, Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: '1'\n",
    "values.yaml": "replicas: 1\nimage: nginx:1.14.2\n",
    "templates/web.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {revision: "{{ .Release.Revision }}"}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {app: {{ .Release.Name }}}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: nginx, image: "{{ .Values.image }}"}]
""",
}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    for name, content in CHART.items():
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "web"


def helm(kubectl: Kubectl, *arguments: str) -> str:
    home = {"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"}
    environment = {**kubectl.environment, **dict.fromkeys(home, str(kubectl.kubeconfig.parent / "helm"))}
    argv = [str(HELM), "--kube-context", kubectl.context, "--namespace", kubectl.namespace, *arguments]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"$ helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("server_side", ["true", "false"])
def test_install_upgrade_roll_back_uninstall(kubectl: Kubectl, chart: Path, server_side: str) -> None:
    ways = [f"--server-side={server_side}", "--wait", "--timeout", "120s"]
    assert "STATUS: deployed" in helm(kubectl, "install", "site", str(chart), *ways)
    assert kubectl.path("{.status.availableReplicas}", "deployment/site") == "1"
    assert "site" in helm(kubectl, "list") and "replicas: 1" in helm(kubectl, "get", "manifest", "site")
    helm(kubectl, "upgrade", "site", str(chart), "--set", "replicas=2,image=nginx:1.16.1", *ways)
    assert (
        kubectl.path("{.spec.replicas} {.spec.template.spec.containers[0].image}", "deployment/site")
        == "2 nginx:1.16.1"
    )
    assert kubectl.path("{.data.revision}", "configmap/site-settings") == "2"
    helm(kubectl, "rollback", "site", "1", *ways)
    assert (
        kubectl.path("{.spec.replicas} {.spec.template.spec.containers[0].image}", "deployment/site")
        == "1 nginx:1.14.2"
    )
    assert helm(kubectl, "history", "site").count("\n") == 4
    helm(kubectl, "uninstall", "site", "--wait")
    eventually(lambda: kubectl("get", "deploy,svc,pods,secrets", "-o", "name") == "", "nothing is left of the release")
