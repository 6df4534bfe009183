"""Claims on real nodes: directories that are made, kept for the next pod, given to a group, and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.manifests import shell
from tests.live.podo import Cluster
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}


def claim(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {**SPEC, **spec}}


def user(name: str, claim: str, mount: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    source = (
        {"persistentVolumeClaim": {"claimName": claim}}
        if claim
        else {"ephemeral": {"volumeClaimTemplate": {"spec": SPEC}}}
    )
    container = shell(volumeMounts=[{"name": "data", "mountPath": "/data", **(mount or {})}])
    return manifests.pod(name, container, volumes=[{"name": "data", **source}], **spec)


def ready(kubectl: Kubectl, name: str) -> None:
    kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=120s")


def test_one_pod_writes_and_the_next_one_reads(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    security = {"fsGroup": 2000, "runAsUser": 1000}
    kubectl("apply", "-f", "-", given=[claim("data"), user("first", "data", securityContext=security)])
    ready(kubectl, "first")
    kubectl("exec", "first", "--", "sh", "-c", "mkdir /data/part; echo kept > /data/part/note")
    assert kubectl("exec", "first", "--", "stat", "-c", "%u:%g", "/data/part/note").strip() == "1000:2000"
    volume = kubectl("get", "pvc/data", "-o", "jsonpath={.spec.volumeName}")
    directory = Path(kubectl("get", f"pv/{volume}", "-o", "jsonpath={.spec.local.path}"))
    assert directory == shared_cluster.data_dir / "nodes" / "node-1" / "volumes" / volume
    kubectl("delete", "pod/first")
    kubectl("apply", "-f", "-", given=[user("second", "data", {"subPath": "part", "readOnly": True})])
    ready(kubectl, "second")
    assert kubectl("exec", "second", "--", "cat", "/data/note") == "kept\n"
    kubectl("delete", "pod/second", "pvc/data")
    kubectl("wait", f"pv/{volume}", "--for=delete", "--timeout=120s")
    eventually(lambda: not directory.exists(), "the end of the directory")
    assert directory.parent.is_dir()


def test_an_ephemeral_volume_goes_with_its_pod(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=[user("scratch", "")])
    ready(kubectl, "scratch")
    volume = kubectl("get", "pvc/scratch-data", "-o", "jsonpath={.spec.volumeName}")
    kubectl("delete", "pod/scratch")
    kubectl("wait", f"pv/{volume}", "--for=delete", "--timeout=120s")


def test_a_volume_that_the_node_cannot_mount(kubectl: Kubectl) -> None:
    name = "live-nfs-volume"
    spec = {"capacity": {"storage": "10Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "live-nfs"}
    nfs = {**spec, "nfs": {"server": "files.example", "path": "/"}}
    disk = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": nfs}
    kubectl("apply", "-f", "-", given=[disk, claim("far", storageClassName="live-nfs"), user("waits", "far")])
    try:

        def said() -> bool:
            text = f'MountVolume.SetUp failed for volume "{name}" : unsupported volume type nfs'
            return text in kubectl(
                "get", "events", "--field-selector=reason=FailedMount", "-o", "jsonpath={.items[*].message}"
            )

        eventually(said, "an event that says why")
    finally:
        kubectl("delete", "pod/waits", "pvc/far", f"pv/{name}", "--wait=false")
