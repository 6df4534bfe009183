"""``podo why`` on the objects of a whole cluster: from a workload down to the cause."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from podo.api.errors import ApiError
from podo.api.meta import name_of
from podo.apiserver.local import LocalClient
from podo.cli.commands.why import asked
from podo.cli.commands.why import explanation as explanation_of
from podo.cli.errors import CommandFailed
from podo.http.message import Peer, Response
from podo.lab import World
from tests.scenarios import test_dynamicresources as devices
from tests.scenarios.explaining import explanation, told
from tests.unit.apiserver.world import ADMIN, Asked, certificate
from tests.unit.apiserver.world import text_of as body_of
from tests.unit.scheduler.devices import offers


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


def pod(name: str, **spec: Any) -> dict[str, Any]:
    containers = spec.pop("containers", [{"name": "c", "image": "nginx"}])
    metadata = {"name": name, "annotations": spec.pop("annotations", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def test_the_placement_is_a_document_of_bounded_size() -> None:
    with World(nodes=60) as world:
        world.apply(
            pod("large", containers=[{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "99"}}}])
        )
        world.settle()
        status, found = explanation(world, "Pod", "large")
        assert status == 200 and found["kind"] == "Explanation" and found["metadata"]["name"] == "large"
        placement = found["placement"]
        assert placement["message"].startswith("0/60 nodes are available: 60 Insufficient cpu.")
        (refusal,) = placement["refusals"]
        assert refusal["plugin"] == "NodeResourcesFit" and refusal["count"] == 60 and len(refusal["nodes"]) == 5
        assert placement["without"] == [{"plugin": "NodeResourcesFit", "count": 60, "nodes": refusal["nodes"]}]
        assert "annotations" not in world.get("Pod", "large")["metadata"]


def test_rights_decide_what_is_told() -> None:
    with World(nodes=1) as world:
        world.apply(
            pod("large", containers=[{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "99"}}}])
        )
        reader = certificate("reader")
        assert explanation(world, "Pod", "large", who=reader)[0] == 403
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
        subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}]
        binding = {**role, "kind": "RoleBinding", "roleRef": reference, "subjects": subjects}
        del binding["rules"]
        world.apply([role, binding])
        world.settle()
        status, found = explanation(world, "Pod", "large", who=reader)
        assert status == 200 and "placement" not in found and {"Node", "Event", "ResourceQuota"} <= set(found["unseen"])
        assert "where it could go is told to those who may list nodes" in found["says"]


def test_what_cannot_be_asked() -> None:
    with World(nodes=1) as world:
        assert explanation(world, "Pod", "absent")[0] == 404
        assert explanation(world, "Secret", "x")[0] == 404


def test_a_quota_that_refuses_the_pods_of_a_deployment() -> None:
    with World(nodes=1) as world:
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few"},
            "spec": {"hard": {"pods": "1"}},
        }
        world.apply(quota)
        world.apply(deployment("web", replicas=2))
        world.settle()
        said = told(world, "Deployment", "web")
        assert "ResourceQuota default/few: allows pods=1; pods=1 was used, and pods=1 more is asked for" in said
        assert "now: pods 1 of 1" in said


def test_devices_that_nobody_offers_and_that_are_in_use() -> None:
    with World(nodes=1) as world:
        world.apply([devices.claim("gpu"), devices.pod("p", claim="gpu")])
        world.settle()
        said = told(world, "Pod", "p")
        assert "ResourceClaim default/gpu: not allocated" in said and "DeviceClass gpu: does not exist" in said
        assert "ResourceSlices: there are none: no driver offers any devices" in said
        world.apply([offers.device_class(), devices.on("node-0", offers.device("d0"))])
        world.apply([devices.claim("more"), devices.pod("q", claim="more"), devices.pod("r", template="absent")])
        world.wait_until(lambda: len({name_of(p) for p in world.pods("default") if p["spec"].get("nodeName")}) == 1)
        world.advance(20)
        waits = next(name for name in ("p", "q") if not world.get("Pod", name)["spec"].get("nodeName"))
        said = told(world, "Pod", waits)
        assert "request r: asks for 1 of gpu: 1 offered, 1 match, 0 of these free" in said
        assert "ResourceClaimTemplate default/absent: does not exist" in told(world, "Pod", "r")


def test_an_image_that_cannot_be_pulled() -> None:
    with World(nodes=1) as world:
        world.apply(pod("p", containers=[{"name": "c", "image": "podo.dev/absent/web:1"}]))
        world.advance(40)
        said = told(world, "Pod", "p")
        assert "image podo.dev/absent/web:1: Failed to pull image" in said and "container c waits: " in said


def test_a_container_that_ends_again_and_again() -> None:
    with World(nodes=1) as world:
        world.apply(pod("p", annotations={"podo.dev/run-seconds": "1", "podo.dev/exit-code": "137"}))
        world.advance(200)
        said = told(world, "Pod", "p")
        assert "container c ended with exit code 137 (SIGKILL: out of memory, or not stopped in time)" in said
        assert "started again" in said and "CrashLoopBackOff" in said


def test_a_namespace_and_an_object_that_do_not_go() -> None:
    with World(nodes=1) as world:
        world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stuck"}})
        held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["example.com/keep"]}}
        world.apply(held, namespace="stuck")
        world.delete("Namespace", "stuck")
        world.advance(30)
        said = told(world, "Namespace", "stuck")
        assert "Terminating since" in said and "example.com/keep in 1 resource instances" in said
        kept = deployment("web", replicas=1)
        kept["metadata"]["finalizers"] = ["example.com/keep"]
        world.apply(kept)
        world.settle()
        world.delete("Deployment", "web")
        said = told(world, "Deployment", "web")
        assert "held by example.com/keep" in said and "does its controller run?" in said
        assert told(world, "Namespace", "default") == "Namespace default: Active, nothing is wrong"


def test_a_claim_that_waits_for_a_provisioner() -> None:
    with World(nodes=1) as world:
        class_ = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "far"}}
        world.apply({**class_, "provisioner": "csi.example.com", "volumeBindingMode": "Immediate"})
        spec = {
            "storageClassName": "far",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        }
        world.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec})
        world.settle()
        said = told(world, "PersistentVolumeClaim", "data")
        assert "waits for csi.example.com to make a volume" in said
        assert "there is no CSIDriver csi.example.com: is the provisioner installed?" in said
        world.apply(pod("user", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
        world.settle()
        assert "PersistentVolumeClaim default/data: Pending" in told(world, "Pod", "user")


class OverHttp(LocalClient):
    """A client that asks paths as well, as the one over HTTP does."""

    explains = True

    async def raw(self, path: str) -> bytes:
        if not self.explains and path.startswith("/apis/why."):
            raise ApiError("NotFound", "404 page not found")
        answer = await self._server.handle(Asked("GET", path, b"", {}, Peer("127.0.0.1:1", ADMIN)))
        assert isinstance(answer, Response)
        if answer.status != 200:
            raise ApiError.from_status(orjson.loads(body_of(answer)))
        return body_of(answer)


def test_the_command_asks_the_api_and_can_do_without() -> None:
    with World(nodes=1) as world:
        world.apply(deployment("web", "99", replicas=1))
        world.settle()
        client = OverHttp(world.simulation.api)
        told_by_api = world.run(explanation_of(client, "Deployment", "default", "web"))
        client.explains = False
        worked_out = world.run(explanation_of(client, "Deployment", "default", "web"))
        assert told_by_api["kind"] == "Explanation"
        assert {key: told_by_api[key] for key in worked_out} == worked_out
        with pytest.raises(ApiError) as refused:
            world.run(explanation_of(client, "Pod", "default", "absent"))
        assert refused.value.reason == "NotFound"


def test_a_pod_that_no_scheduler_serves() -> None:
    with World(nodes=1) as world:
        world.apply(pod("p", schedulerName="nobody"))
        world.settle()
        assert 'no scheduler of this cluster serves the schedulerName "nobody"' in told(world, "Pod", "p")
