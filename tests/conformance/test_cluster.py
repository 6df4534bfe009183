"""Rows of the inventory that a whole simulated cluster shows: scheduling, endpoints, the life of pods."""

from __future__ import annotations

from typing import Any

from podo.api.meta import condition_of, name_of
from podo.controllers.rootcapublisher import NAME, rootcapublisher
from podo.lab import World
from tests.unit.controllers.stage import Stage


def pod(name: str, annotations: dict[str, str] | None = None, **container: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": name}, "annotations": annotations or {}}
    containers = [{"name": "main", "image": "nginx:1.14.2", **container}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


def test_a_running_pod_knows_where_it_is() -> None:
    with World() as world:
        world.apply(pod("web"))
        status = world.wait_for("Pod", "web")["status"]
        node = world.get("Node", "node-0")
        (address,) = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        assert (status["hostIP"], status["hostIPs"]) == (address, [{"ip": address}])
        assert status["podIPs"] == [{"ip": status["podIP"]}] and status["podIP"] != address


def test_a_pod_that_always_fails_says_so_and_can_be_deleted() -> None:
    with World() as world:
        world.apply(pod("bad", {"podo.dev/run-seconds": "1", "podo.dev/exit-code": "3"}))

        def terminated() -> dict[str, Any]:
            status = world.get("Pod", "bad")["status"]["containerStatuses"][0]
            return status["lastState"]["terminated"]

        assert world.wait_until(terminated)["reason"] == "Error"
        assert terminated()["exitCode"] == 3
        world.delete("Pod", "bad")
        world.wait_for("Pod", "bad", condition="delete")


def test_readiness_waits_for_the_initial_delay() -> None:
    probe = {"httpGet": {"port": 80}, "initialDelaySeconds": 30, "periodSeconds": 5}
    with World() as world:
        world.apply(pod("slow", readinessProbe=probe))
        world.wait_until(lambda: world.get("Pod", "slow")["status"]["phase"] == "Running")
        began = world.now
        ready = condition_of(world.get("Pod", "slow"), "Ready")
        assert ready and ready["status"] == "False"
        world.wait_for("Pod", "slow", within=60)
        assert 28 <= world.now - began <= 40
        (status,) = world.get("Pod", "slow")["status"]["containerStatuses"]
        assert status["restartCount"] == 0


def test_a_node_selector_decides_where_a_pod_may_run() -> None:
    with World(nodes=3) as world:
        world.run(world.client.patch("Node", "node-1", patch={"metadata": {"labels": {"disk": "ssd"}}}))
        wanted, nowhere = pod("wanted"), pod("nowhere")
        wanted["spec"]["nodeSelector"] = {"disk": "ssd"}
        nowhere["spec"]["nodeSelector"] = {"disk": "tape"}
        world.apply([wanted, nowhere])
        assert world.wait_for("Pod", "wanted")["spec"]["nodeName"] == "node-1"
        world.settle()
        waiting = world.get("Pod", "nowhere")
        assert waiting["status"]["phase"] == "Pending" and "nodeName" not in waiting["spec"]
        assert [event["reason"] for event in world.events("nowhere")] == ["FailedScheduling"]


def test_endpoints_follow_services_and_pods() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }

    def addresses(world: World) -> list[str]:
        subsets = world.get("Endpoints", "web").get("subsets") or []
        return [each["ip"] for subset in subsets for each in subset["addresses"]]

    with World() as world:
        world.apply([service, pod("web")])
        ip = world.wait_for("Pod", "web")["status"]["podIP"]
        world.wait_until(lambda: addresses(world) == [ip])
        (piece,) = world.list("EndpointSlice", "default", "kubernetes.io/service-name=web")
        assert piece["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
        (endpoint,) = piece["endpoints"]
        assert endpoint["addresses"] == [ip] and endpoint["conditions"]["ready"] is True
        world.delete("Pod", "web")
        world.wait_until(lambda: addresses(world) == [])
        world.delete("Service", "web")
        world.wait_until(lambda: world.list("EndpointSlice", "default", "kubernetes.io/service-name=web") == [])
        assert "web" not in [name_of(each) for each in world.list("Endpoints", "default")]


def test_every_namespace_has_the_root_certificate() -> None:
    stage = Stage(rootcapublisher("-----BEGIN CERTIFICATE-----"))
    stage.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})

    def root() -> dict[str, Any]:
        found = stage.run().get("ConfigMap", NAME, "team")
        assert found
        return found

    given = root()
    assert given["data"] == {"ca.crt": "-----BEGIN CERTIFICATE-----"}
    stage.remove(given)
    assert root()["data"] == given["data"], "it comes back"
    stage.change(root(), {"data": {"ca.crt": "other"}})
    assert root()["data"] == given["data"], "it is put right"
