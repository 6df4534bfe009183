"""A real operator on the framework kopf, as it is: a kind of its own, finalizers, status, daemons, timers, events."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.kubectl import Kubectl
from tests.live.podo import Cluster
from tests.live.waiting import eventually

pytest.importorskip("kopf", reason="not installed: pip install -e '.[clients]'")
pytest.importorskip("kubernetes", reason="not installed: pip install -e '.[clients]'")

pytestmark = pytest.mark.live
OPERATOR = Path(__file__).with_name("grape_operator.py")
SPACE = "vineyard"
STATUS = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SPEC = {"type": "object", "required": ["color"], "properties": {"color": {"type": "string", "enum": ["red", "white"]}}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "grapes.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "grapes", "singular": "grape", "kind": "Grape", "shortNames": ["gr"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}},
                },
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "State", "type": "string", "jsonPath": ".status.state"}],
            }
        ],
    },
}


def grape(color: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Grape", "metadata": {"name": "one"}, "spec": {"color": color}}


@contextmanager
def operator(cluster: Cluster, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``kopf run`` of the operator."""
    argv = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", SPACE, "--verbose", str(OPERATOR)]
    with log.open("wb") as out:
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
        running = subprocess.Popen(argv, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield running
        finally:
            running.terminate()
            running.wait(60)


@pytest.fixture
def vineyard(simulated_cluster: Cluster) -> Iterator[Kubectl]:
    kubectl = simulated_cluster.kubectl.within(SPACE)
    kubectl("create", "namespace", SPACE)
    kubectl("create", "-f", "-", given=DEFINITION)
    kubectl("wait", "crd/grapes.example.com", "--for=condition=Established", "--timeout=120s")
    yield kubectl
    kubectl("delete", "crd", "grapes.example.com", "--wait=false")
    kubectl("delete", "namespace", SPACE, "--wait=false")


def test_an_operator_tends_its_objects(vineyard: Kubectl, simulated_cluster: Cluster, tmp_path: Path) -> None:
    kubectl, log = vineyard, tmp_path / "log"
    with operator(simulated_cluster, log) as running:
        kubectl("create", "-f", "-", given=grape("red"))
        state = "{.status.state}"
        eventually(lambda: kubectl.path(state, "grape/one") == "ripe", "what it makes")
        eventually(lambda: kubectl.path("{.status.ripen.color}", "grape/one") == "red", "what the handler returned")
        finalizers = "{.metadata.finalizers}"
        eventually(lambda: "KopfFinalizerMarker" in kubectl.path(finalizers, "grape/one"), "its finalizer")
        assert kubectl.path("{.data.color}", "configmap/one-juice") == "red"
        assert kubectl.path("{.metadata.ownerReferences[0].kind}", "configmap/one-juice") == "Grape"
        eventually(lambda: "one-tended" in kubectl("get", "configmaps", "-o", "name"), "the daemon")
        eventually(lambda: int(kubectl.path("{.status.ticks}", "grape/one") or 0) >= 2, "the timer")
        eventually(lambda: "one is red" in kubectl("get", "events"), "its event")
        assert "Unsupported value" in kubectl.fails("apply", "-f", "-", given=grape("blue"))
        kubectl("patch", "gr", "one", "--type=merge", "-p", '{"spec":{"color":"white"}}')
        eventually(lambda: kubectl.path(state, "grape/one") == "from red to white", "the update")
        assert "from red to white" in kubectl("get", "grapes")
        kubectl("delete", "grape", "one", "--timeout=120s")
        assert kubectl.path("{.data.color}", "configmap/one-was-here") == "white"
        eventually(lambda: "one-juice" not in kubectl("get", "configmaps", "-o", "name"), "what it owned goes too")
        assert running.poll() is None, log.read_text()[-3000:]
    assert "Traceback" not in log.read_text()
