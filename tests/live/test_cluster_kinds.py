"""The real kubectl knows every kind: explains it, makes an object of it, shows, patches and removes it."""

from __future__ import annotations

import copy
import ipaddress

import pytest

from podo.api.kind import Kind
from podo.api.registry import all_kinds
from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually
from tests.unit.apiserver.examples import example

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

#: Not made here: they would start pods, be a node, or be gone when they are looked at.
NOT_MADE = {
    *("CronJob", "DaemonSet", "Deployment", "Job", "Node", "Pod", "ReplicaSet", "ReplicationController"),
    *("StatefulSet", "Namespace", "Event", "PersistentVolume", "PersistentVolumeClaim"),
}
MADE = [kind for kind in all_kinds() if kind.kind not in NOT_MADE and "delete" in kind.verbs]


def resource(kind: Kind) -> str:
    return f"{kind.plural}.{kind.version}.{kind.group}" if kind.group else kind.plural


@pytest.mark.parametrize("kind", all_kinds(), ids=resource)
def test_kubectl_explains(kind: Kind, kubectl: Kubectl) -> None:
    said = kubectl("explain", kind.plural, f"--api-version={kind.api_version}")
    assert f"KIND:       {kind.kind}\n" in said
    assert "metadata" in said and "DESCRIPTION" in said


@pytest.mark.parametrize("kind", MADE, ids=resource)
def test_kubectl_makes_shows_patches_and_removes(kind: Kind, kubectl: Kubectl) -> None:
    given = copy.deepcopy(example(kind))
    given["metadata"].pop("namespace", None)
    name, what = given["metadata"]["name"], resource(kind)
    kubectl("create", "-f", "-", given=given)
    try:
        assert name in kubectl("get", what, "-o", "wide")
        assert f"kind: {kind.kind}" in kubectl("get", what, name, "-o", "yaml")
        kubectl("annotate", what, name, "seen=yes")
        kubectl("patch", what, name, "--type=merge", "-p", '{"metadata":{"labels":{"patched":"yes"}}}')
        assert name in kubectl("get", what, "-l", "patched=yes", "-o", "name")
        assert name in kubectl("describe", what, name)
    finally:
        kubectl("delete", what, name)


def test_a_runtime_class_picks_the_handler(kubectl: Kubectl) -> None:
    for name in ("runc", "nonsense"):
        runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": name}
        kubectl("apply", "-f", "-", given=runtime)
        kubectl("apply", "-f", "-", given=manifests.pod(name, runtimeClassName=name))
    kubectl("wait", "--for=condition=Ready", "pod/runc", "--timeout=120s")
    why = 'no runtime for "nonsense" is configured'
    eventually(lambda: why in kubectl("describe", "pod", "nonsense"), "the Event of a pod that cannot start")
    assert "FailedCreatePodSandBox" in kubectl("describe", "pod", "nonsense")
    refused = kubectl.fails("apply", "-f", "-", given=manifests.pod("none", runtimeClassName="none"))
    assert 'pod rejected: RuntimeClass "none" not found' in refused
    kubectl("delete", "runtimeclass", "runc", "nonsense")


def test_what_is_there_from_the_start(kubectl: Kubectl) -> None:
    cidr = kubectl.path("{.spec.cidrs[0]}", "servicecidr", "kubernetes")
    address = kubectl.within("default").path("{.spec.clusterIP}", "service", "kubernetes")
    assert ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
    assert "2000001000" in kubectl("get", "pc", "system-node-critical")
