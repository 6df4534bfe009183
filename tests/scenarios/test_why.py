"""``podo why`` on the objects of a whole cluster: from a workload down to the cause."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api import registry
from podo.cli.commands.why import asked, finding
from podo.cli.errors import CommandFailed
from podo.cluster.why import chain
from podo.cluster.why.finding import Picture
from podo.lab import World


def picture(world: World) -> Picture:
    def full(kind: str) -> Any:
        known = registry.named(kind)
        head = {"apiVersion": known.api_version, "kind": known.kind}
        return tuple({**head, **each} for each in world.list(kind))

    return Picture({kind: full(kind) for kind in chain.KINDS})


def told(world: World, kind: str, name: str) -> str:
    seen = picture(world)
    obj = seen.get(kind, "" if kind == "Node" else "default", name)
    assert obj is not None
    return "\n".join(finding(obj, seen).lines())


def deployment(name: str, cpu: str = "100m", replicas: int = 2, **annotations: str) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    metadata = {
        "labels": {"app": name},
        "annotations": {f"podo.dev/{k.replace('_', '-')}": v for k, v in annotations.items()},
    }
    template = {"metadata": metadata, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def test_a_deployment_that_is_too_large() -> None:
    with World(nodes=2) as world:
        world.apply(deployment("web", "20", replicas=3))
        world.settle()
        said = told(world, "Deployment", "web").splitlines()
        assert said[0] == "Deployment default/web: wants 3, has 2 available"
        assert said[1].startswith("  ReplicaSet default/web-") and said[1].endswith(": wants 3, has 2 available")
        assert any("Pod default/web-" in line and "not scheduled" in line for line in said)
        assert "cpu: asks for 20000m, 12000m of 32000m free" in [line.strip() for line in said]
        assert sum(line.startswith("    Pod ") for line in said) == 1, "pods that run are not of interest"


def test_a_deployment_that_is_well() -> None:
    with World(nodes=1) as world:
        world.apply(deployment("web"))
        world.wait_for("Deployment", "web", condition="Available")
        world.settle()
        assert told(world, "Deployment", "web") == "Deployment default/web: is as wanted"


def test_containers_that_end() -> None:
    with World(nodes=1) as world:
        world.apply(deployment("web", replicas=1, run_seconds="1", exit_code="3"))
        world.advance(120)
        assert "container c ended with exit code 3" in told(world, "Deployment", "web")


def test_a_job_that_failed() -> None:
    with World(nodes=1) as world:
        metadata = {"annotations": {"podo.dev/run-seconds": "1", "podo.dev/exit-code": "4"}}
        spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}
        job = {"backoffLimit": 0, "template": {"metadata": metadata, "spec": spec}}
        world.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": job})
        world.wait_for("Job", "j", condition="Failed")
        said = told(world, "Job", "j")
        assert "Failed: BackoffLimitExceeded" in said and "container c ended with exit code 4" in said


def test_a_claim_and_the_pod_that_it_waits_for() -> None:
    with World(nodes=1) as world:
        class_ = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "wait"}}
        world.apply({**class_, "provisioner": "example.com", "volumeBindingMode": "WaitForFirstConsumer"})
        resources = {"requests": {"storage": "1Gi"}}
        spec = {"storageClassName": "wait", "accessModes": ["ReadWriteOnce"], "resources": resources}
        world.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec})
        assert "waits for a pod that uses it" in told(world, "PersistentVolumeClaim", "data")
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
        container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "99"}}}
        pod_spec = {"containers": [container], "volumes": [volume]}
        world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": pod_spec})
        world.settle()
        said = told(world, "PersistentVolumeClaim", "data")
        assert "waits for a node to be found for pod user" in said and "1 Insufficient cpu" in said
        absent = {**spec, "storageClassName": "absent"}
        world.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "lost"}, "spec": absent})
        assert "storage class absent does not exist" in told(world, "PersistentVolumeClaim", "lost")


def test_a_node_that_is_gone() -> None:
    with World(nodes=1) as world:
        world.apply(deployment("web", replicas=1))
        world.wait_for("Deployment", "web", condition="Available")
        world.kill_node("node-0")
        world.advance(120)
        assert "Node node-0: is not ready" in told(world, "Deployment", "web")
        assert "has the taint node.kubernetes.io/unreachable" in told(world, "Node", "node-0")


def test_how_things_are_named() -> None:
    assert asked(["web"]) == asked(["pod", "web"]) == asked(["pods/web"]) == ("Pod", "web")
    assert asked(["deploy", "web"]) == asked(["Deployment/web"]) == ("Deployment", "web")
    assert asked(["pvc", "data"]) == ("PersistentVolumeClaim", "data")
    with pytest.raises(CommandFailed):
        asked(["secret", "x"])
