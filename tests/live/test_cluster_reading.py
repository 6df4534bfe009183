"""What kubectl shows: tables, columns, watches, descriptions, explanations, events, and waiting for what is shown."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    kubectl("apply", "-f", "-", given=[manifests.deployment("web", replicas=2), manifests.service("web")])
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    return kubectl


def test_get_in_every_form(web: Kubectl) -> None:
    assert re.match(r"NAME +READY +STATUS +RESTARTS +AGE\n", web("get", "pods"))
    wide = web("get", "pods", "-o", "wide")
    assert re.match(r"NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n", wide)
    assert len(re.findall(r"10\.\d+\.\d+\.\d+ +node-1 +<none> +<none>", wide)) == 2
    assert re.match(r"NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2/2 +2 +2 +\w+\n$", web("get", "deploy"))
    assert "nginx:1.14.2   app=web" in web("get", "deploy", "-o", "wide")
    assert re.match(r"NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\n", web("get", "svc"))
    assert web("get", "deploy,svc", "-o", "name") == "deployment.apps/web\nservice/web\n"
    assert yaml.safe_load(web("get", "deploy", "web", "-o", "yaml"))["spec"]["replicas"] == 2
    listed = json.loads(web("get", "pods", "-o", "json"))
    assert listed["kind"] == "List" and all(item["kind"] == "Pod" for item in listed["items"])
    assert web.path("{range .items[*]}{.status.phase} {end}", "pods") == "Running Running "
    columns = web("get", "pods", "-o", "custom-columns=WHO:.metadata.labels.app,WHERE:.spec.nodeName", "--no-headers")
    assert [line.split() for line in columns.splitlines()] == [["web", "node-1"]] * 2
    assert web("get", "pods", "-o", "go-template={{len .items}}") == "2"
    assert re.search(r"web-\S+ .* web$", web("get", "pods", "-L", "app"), re.M)
    assert "app=web,pod-template-hash=" in web("get", "pods", "--show-labels")
    slices = re.compile(r"web-\w{5} +IPv4 +80 +10\.[\d.]+,10\.[\d.]+ +\w+\n$")
    eventually(lambda: slices.match(web("get", "endpointslices", "--no-headers")), "both endpoints")


def test_get_selects_sorts_and_pages(web: Kubectl) -> None:
    web("run", "other", "--image=busybox:1.28", "--labels=app=other,tier=back", "--command", "--", "sleep", "60")
    assert web("get", "pods", "-l", "app in (other)", "-o", "name") == "pod/other\n"
    assert web("get", "pods", "-l", "app!=web,tier", "-o", "name") == "pod/other\n"
    assert web("get", "pods", "--field-selector", "metadata.name=other", "-o", "name") == "pod/other\n"
    web("wait", "pod/other", "--for=condition=Ready", "--timeout=120s")
    running = web("get", "pods", "--field-selector", "status.phase=Running,spec.nodeName=node-1", "-o", "name")
    assert len(running.split()) == 3
    assert web("get", "pods", "--sort-by=.metadata.name", "-o", "name").split()[0] == "pod/other"
    assert web("get", "pods", "--chunk-size=1", "-o", "name") == web("get", "pods", "-o", "name")
    assert "No resources found" in web.run("get", "pods", "-l", "app=none").err
    assert "field label not supported" in web.fails("get", "pods", "--field-selector", "spec.color=red")
    assert "web" in web("get", "deploy", "-A") and "kubernetes" in web("get", "svc", "--all-namespaces")
    web("delete", "pod", "other", "--grace-period=1")


def test_get_watches(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "first")
    with kubectl.follow("get", "configmaps", "-w", "--output-watch-events") as watch:
        watch.until(r"ADDED +first +0 ")
        kubectl("create", "configmap", "seen", "--from-literal=a=1")
        watch.until(r"ADDED +seen +1 ")
        kubectl("patch", "configmap", "seen", "-p", '{"data":{"b":"2"}}')
        watch.until(r"MODIFIED +seen +2 ")
        kubectl("delete", "configmap", "seen")
        watch.until(r"DELETED +seen +2 ")


def test_describe_tells_the_story(web: Kubectl) -> None:
    pod = web.path("{.items[0].metadata.name}", "pods")
    tells(
        web,
        ("pod", pod),
        r"^Status: +Running$",
        r"^Controlled By: +ReplicaSet/web-",
        r"^ +Image: +nginx:1.14.2$",
        r"^ +State: +Running$",
        r"^ +Ready +True",
        r"^QoS Class: +BestEffort$",
        r"Normal +Scheduled +\S+ +\S+ +Successfully assigned \S+ to node-1$",
        r'Normal +Pulled +\S+ +\S+ +.*Container image "nginx:1.14.2" already present on machine',
        r"Normal +Started +\S+ +\S+ +.*",
    )
    tells(
        web,
        ("deployment", "web"),
        r"^Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable$",
        r"^ +Available +True +MinimumReplicasAvailable$",
        r"ScalingReplicaSet .*Scaled up replica set web-\S+ from 0 to 2",
    )
    tells(web, ("service", "web"), r"^Endpoints: +10\.\S+:80,10\.\S+:80$")
    tells(
        web,
        ("node", "node-1"),
        r"^ +Ready +True .*KubeletReady",
        r"^ +cpu: +\d+",
        r"^PodCIDR: +10\.",
        r"^Non-terminated Pods:",
        pod,
    )


def tells(kubectl: Kubectl, what: tuple[str, str], *patterns: str) -> None:
    """Wait until the description has all of these; Events come a moment later."""

    def told_all() -> bool:
        told = kubectl("describe", *what)
        missing = [pattern for pattern in patterns if not re.search(pattern, told, re.M)]
        assert not missing, f"{missing} in\n{told}"
        return True

    eventually(told_all, f"all that is told of {'/'.join(what)}")


def test_events_are_listed(web: Kubectl) -> None:
    eventually(lambda: "Started" in web("get", "events"), "events of a start")
    assert re.match(r"LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n", web("get", "events"))
    eventually(lambda: "ScalingReplicaSet" in web("events", "--for", "deployment/web"), "an event of the Deployment")
    scheduled = ("get", "events", "--field-selector", "reason=Scheduled", "-o", "name")
    eventually(lambda: web(*scheduled).count("event/") == 2, "an event of each pod's place")


def test_explain(kubectl: Kubectl) -> None:
    told = kubectl("explain", "deployment.spec.strategy.rollingUpdate")
    assert re.search(r"^KIND: +Deployment$", told, re.M) and "maxSurge\t<IntOrString>" in told
    assert "FIELD: containers <[]Container>" in kubectl("explain", "pod.spec.containers")
    assert "readinessProbe" in kubectl("explain", "pod", "--recursive")
    assert "does not exist" in kubectl.fails("explain", "pod.spec.color")
    assert "imagePullPolicy" in kubectl("explain", "pods.spec.containers", "--output=plaintext-openapiv2")


def test_explain_describes_fields(kubectl: Kubectl) -> None:
    assert "DESCRIPTION:" in (told := kubectl("explain", "pod.spec.nodeName")) and "<empty>" not in told


def test_wait_in_every_form(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=[manifests.pod("a"), manifests.config_map("c", state="old")])
    assert kubectl("wait", "pod/a", "--for=condition=Ready", "--timeout=120s") == "pod/a condition met\n"
    kubectl("wait", "pod/a", "--for=jsonpath={.status.phase}=Running", "--timeout=120s")
    with kubectl.follow("wait", "configmap/c", "--for=jsonpath={.data.state}=new", "--timeout=120s") as waiting:
        kubectl("patch", "configmap", "c", "-p", '{"data":{"state":"new"}}')
        assert waiting.end().out == "configmap/c condition met\n"
    with kubectl.follow("wait", "configmap/later", "--for=create", "--timeout=120s") as waiting:
        kubectl("create", "configmap", "later")
        assert waiting.end().code == 0
    with kubectl.follow("wait", "pod/a", "--for=delete", "--timeout=120s") as waiting:
        kubectl("delete", "pod", "a")
        assert waiting.end().code == 0
    assert "timed out waiting" in kubectl.fails("wait", "configmap/c", "--for=jsonpath={.data.state}=x", "--timeout=3s")
    assert "not found" in kubectl.fails("wait", "pod/absent", "--for=condition=Ready", "--timeout=60s")


def test_discovery_and_version(kubectl: Kubectl) -> None:
    resources = kubectl("api-resources", "-o", "wide")
    for plural in (
        "pods",
        "services",
        "deployments",
        "replicasets",
        "leases",
        "endpointslices",
        "configmaps",
        "secrets",
    ):
        assert re.search(rf"^{plural} ", resources, re.M), resources
    assert re.search(
        r"^pods +po +v1 +true +Pod +create,delete,deletecollection,get,list,patch,update,watch +all$", resources, re.M
    )
    assert {"v1", "apps/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1"} <= set(
        kubectl("api-versions").split()
    )
    version = json.loads(kubectl("version", "-o", "json"))
    assert re.match(r"v1\.37\.\d+\+podo\.", version["serverVersion"]["gitVersion"])
    assert kubectl("get", "--raw", "/readyz") == "ok" and kubectl("get", "--raw", "/livez") == "ok"
    assert "Kubernetes control plane" in kubectl("cluster-info")
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert "kubernetes-admin" in kubectl("auth", "whoami")
