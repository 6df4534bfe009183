"""Rows of the conformance inventory that take real containers, or kubectl, and that no other test shows."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.live import manifests
from tests.live.conftest import new_namespace
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.manifests import shell
from tests.live.podo import Cluster
from tests.live.waiting import always, eventually

pytestmark = pytest.mark.live


def with_containers(test: Any) -> Any:
    return needs_root(needs_containerd(test))


@with_containers
def test_an_empty_dir_on_disk_and_in_memory_for_root_and_others(kubectl: Kubectl) -> None:
    """Made for everybody; files in it have the mode that they are given, whoever makes them; memory is a tmpfs."""
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("disk", "memory")]
    script = (
        "for d in disk memory; do stat -c %a /$d; "
        "for m in 644 666 777; do echo x > /$d/$NAME-$m && chmod $m /$d/$NAME-$m && stat -c '%a %u' /$d/$NAME-$m; "
        "cat /$d/$NAME-$m; done; done; grep -c ' /memory tmpfs ' /proc/mounts"
    )
    containers = [
        shell(script, name=name, env=[{"name": "NAME", "value": name}], volumeMounts=mounts, **more)
        for name, more in (("root", {}), ("other", {"securityContext": {"runAsUser": 1001}}))
    ]
    volumes = [{"name": "disk", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory"}}]
    kubectl("apply", "-f", "-", given=manifests.pod("it", *containers, volumes=volumes, restartPolicy="Never"))
    kubectl("wait", "pod/it", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
    for name, user in (("root", 0), ("other", 1001)):
        one = ["777", *(line for mode in ("644", "666", "777") for line in (f"{mode} {user}", "x"))]
        assert kubectl("logs", "it", "-c", name).splitlines() == [*one, *one, "1"]


@with_containers
def test_termination_messages(kubectl: Kubectl) -> None:
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    user = {"securityContext": {"runAsUser": 1000}, "terminationMessagePath": "/dev/termination-custom-log"}
    containers = [
        shell("echo -n DONE > /dev/termination-custom-log", name="other-path", **user),
        shell("echo -n OK > /dev/termination-log; echo said", name="file", **fallback),
        shell("echo -n DONE; exit 1", name="failing", **fallback),
        shell("echo DONE", name="succeeding", **fallback),
    ]
    kubectl("apply", "-f", "-", given=manifests.pod("it", *containers, restartPolicy="Never"))
    kubectl("wait", "pod/it", "--for=jsonpath={.status.phase}=Failed", "--timeout=120s")
    statuses = kubectl.json("get", "pod", "it")["status"]["containerStatuses"]
    said = {each["name"]: each["state"]["terminated"].get("message", "") for each in statuses}
    assert said == {"other-path": "DONE", "file": "OK", "failing": "DONE", "succeeding": ""}


@with_containers
def test_the_node_reaches_pods_and_a_probe_that_passes_restarts_nothing(kubectl: Kubectl) -> None:
    probe = {"exec": {"command": ["cat", "/etc/hostname"]}, "periodSeconds": 1, "timeoutSeconds": 30}
    web = manifests.nginx(livenessProbe=probe)
    kubectl("apply", "-f", "-", given=[manifests.pod("web", web), manifests.pod("node", hostNetwork=True)])
    kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=120s")
    address = kubectl.path("{.status.podIP}", "pod/web")
    fetch = ("exec", "node", "--", "wget", "-T", "5", "-qO-", f"http://{address}/")
    eventually(lambda: "Welcome to nginx" in kubectl(*fetch), "the node reaches the pod")
    restarts = "{.status.containerStatuses[0].restartCount}"
    always(lambda: kubectl.path(restarts, "pod/web") == "0", "no restart", 2)


@with_containers
def test_the_api_servers_own_service_has_endpoints(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    default = kubectl.within("default")
    (subset,) = default.json("get", "endpoints", "kubernetes")["subsets"]
    (piece,) = default.json("get", "endpointslices", "-l", "kubernetes.io/service-name=kubernetes")["items"]
    addresses = [each["ip"] for each in subset["addresses"]]
    assert [address for each in piece["endpoints"] for address in each["addresses"]] == addresses
    assert subset["ports"][0]["port"] == piece["ports"][0]["port"] == shared_cluster.port


# kubectl, on simulated nodes


@pytest.fixture
def quick(simulated_cluster: Cluster, request: pytest.FixtureRequest) -> Any:
    """kubectl in a namespace of its own, where no containers are needed."""
    yield from new_namespace(simulated_cluster.kubectl, request)


def test_a_replication_controller_by_kubectl(quick: Kubectl) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [manifests.nginx()]}}
    controller = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": labels, "template": template},
    }
    quick("create", "-f", "-", given=controller)
    ready = "{.status.readyReplicas}"
    eventually(lambda: quick.path(ready, "rc/web") == "2", "both pods")
    assert quick("scale", "rc", "web", "--replicas=1") == "replicationcontroller/web scaled\n"
    eventually(lambda: quick.path(ready, "rc/web") == "1", "one pod")
    quick("scale", "rc", "web", "--replicas=2", "--timeout=120s")
    eventually(lambda: quick.path(ready, "rc/web") == "2", "two again")
    assert "Selector:     app=web" in quick("describe", "rc", "web")
    quick("delete", "rc", "web", "--grace-period=0", "--force")
    eventually(lambda: quick("get", "rc,pods", "-l", "app=web", "--no-headers") == "", "nothing is left")


def test_a_proxy_on_any_port(quick: Kubectl) -> None:
    with quick.follow("proxy", "-p", "0", "--disable-filter") as proxy:
        port = proxy.until(r"Starting to serve on 127\.0\.0\.1:(\d+)")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/", timeout=60) as answer:
            assert json.loads(answer.read())["versions"] == ["v1"]
