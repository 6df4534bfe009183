"""Input that is wrong: each gets a clear refusal or a clear event, nothing is stored, and the server goes on."""

from __future__ import annotations

import re

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

WEB = manifests.deployment("web")


def with_spec(**changes: object) -> manifests.Obj:
    return {**WEB, "spec": {**WEB["spec"], **changes}}


def with_container(**changes: object) -> manifests.Obj:
    return manifests.pod("it", manifests.shell(**changes))


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("kind: Pod\nmetadata: [", "error converting YAML to JSON"),
        ("just words", "invalid object to validate"),
        ({"kind": "Pod", "metadata": {"name": "x"}}, "apiVersion not set"),
        ({"apiVersion": "v1", "kind": "Pood", "metadata": {"name": "x"}}, 'no matches for kind "Pood" in version "v1"'),
        (with_spec(replicaz=1), r'strict decoding error: unknown field "spec.replicaz"'),
        (with_container(imagePullPolicee="x"), r'unknown field "spec.containers\[0\].imagePullPolicee"'),
        (with_spec(replicas="three"), "cannot unmarshal string into|replicas"),
        (with_spec(replicas=-1), r"spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (manifests.config_map("x", a=1), "data|cannot unmarshal number"),  # type: ignore[arg-type]
        (manifests.config_map("Bad_Name"), 'metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain'),
        (manifests.config_map("x" * 300), r"must be no more than 253 (characters|bytes)"),
        (manifests.service("web.a"), 'metadata.name: Invalid value: "web.a": must not contain dots'),
        (manifests.pod("it", {"name": "main"}), r"spec.containers\[0\].image: Required value"),
        (manifests.pod("it", manifests.shell(), manifests.shell()), r'containers\[1\].name: Duplicate value: "main"'),
        (with_container(imagePullPolicy="Sometimes"), 'Unsupported value: "Sometimes": supported values: "Always"'),
        (with_container(ports=[{"containerPort": 99999}]), "must be between 1 and 65535, inclusive"),
        (with_container(resources={"limits": {"cpu": "much"}}), "quantities must match the regular expression"),
        (with_container(volumeMounts=[{"name": "no", "mountPath": "/x"}]), r'volumeMounts\[0\].name: Not found: "no"'),
        (with_spec(selector={"matchLabels": {"app": "other"}}), r"`selector` does not match template `labels`"),
        (manifests.service("web", port=0), r"spec.ports\[0\].port: Invalid value: 0"),
        (manifests.service("web", clusterIP="10.1.2.3"), "does not match the current range"),
        (manifests.service("web", type="NodePort", ports=[{"port": 1, "nodePort": 80}]), "not in the valid range"),
        ({**manifests.secret("s"), "data": {"x": "not base64!"}}, "illegal base64|base64"),
        ({**manifests.pod("it"), "spec": {"containers": []}}, r"spec.containers: Required value"),
        (manifests.pod("it", restartPolicy="Perhaps"), 'spec.restartPolicy: Unsupported value: "Perhaps"'),
    ],
)  # fmt: skip
def test_a_wrong_manifest_is_refused(kubectl: Kubectl, manifest: object, words: str) -> None:
    said = kubectl.fails("create", "-f", "-", given=manifest)
    assert re.search(words, said), said
    assert "Internal" not in said and "Traceback" not in said
    assert kubectl("get", "deploy,pods,svc,secrets,rs", "-o", "name") == ""


def test_unknown_fields_may_be_let_through(kubectl: Kubectl) -> None:
    wrong = {**manifests.config_map("it", a="b"), "color": "red"}
    warned = kubectl.run("create", "--validate=warn", "-f", "-", given=wrong)
    assert warned.code == 0 and 'Warning: unknown field "color"' in warned.err
    assert "color" not in kubectl.json("get", "configmap", "it")
    assert kubectl.run("replace", "--validate=ignore", "-f", "-", given=wrong).err == ""


def test_fields_that_cannot_change(kubectl: Kubectl) -> None:
    kubectl(
        "apply",
        "-f",
        "-",
        given=[manifests.deployment("web", replicas=0), manifests.service("web"), manifests.pod("it")],
    )
    other = '{"spec":{"selector":{"matchLabels":{"x":"y"}},"template":{"metadata":{"labels":{"x":"y"}}}}}'
    assert "field is immutable" in kubectl.fails("patch", "deployment", "web", "--type=merge", "-p", other)
    assert "pod updates may not change fields other than" in kubectl.fails(
        "patch", "pod", "it", "-p", '{"spec":{"terminationGracePeriodSeconds":77,"hostNetwork":true}}'
    )
    other = kubectl.path("{.spec.clusterIP}", "service/web").rpartition(".")[0] + ".250"
    moved = kubectl.fails(
        "patch", "service", "web", "-p", f'{{"spec":{{"clusterIP":"{other}","clusterIPs":["{other}"]}}}}'
    )
    assert "spec.clusterIPs[0]: Invalid value" in moved and "may not change once set" in moved
    assert "the server could not find the requested resource" in kubectl.fails("get", "--raw", "/api/v1/nothing")


def test_protected_and_absent_things(kubectl: Kubectl) -> None:
    assert "Forbidden" in kubectl.fails("delete", "namespace", "kube-system")
    assert 'namespaces "absent" not found' in kubectl.within("absent").fails("create", "configmap", "x")
    assert 'deployments.apps "absent" not found' in kubectl.fails("scale", "deployment/absent", "--replicas=1")
    assert "doesn't have a resource type" in kubectl.fails("get", "nonsense")
    taken = kubectl.path("{.spec.clusterIP}", "service", "kubernetes", "-n", "default")
    assert "provided IP is already allocated" in kubectl.fails(
        "create", "-f", "-", given=manifests.service("thief", clusterIP=taken)
    )


def test_two_services_cannot_have_one_node_port(kubectl: Kubectl) -> None:
    ports = [{"port": 80, "nodePort": 30999}]
    kubectl("create", "-f", "-", given=manifests.service("one", type="NodePort", ports=ports))
    second = kubectl.fails("create", "-f", "-", given=manifests.service("two", type="NodePort", ports=ports))
    assert "spec.ports[0].nodePort: Invalid value: 30999: provided port is already allocated" in second


def test_an_absent_image_is_told(kubectl: Kubectl) -> None:
    kubectl("run", "it", "--image=registry.example.test/absent:1")
    status = re.compile(r"^it +0/1 +(ErrImagePull|ImagePullBackOff) ", re.M)
    eventually(lambda: status.search(kubectl("get", "pods")), "the image's absence in the table")
    eventually(lambda: "ImagePullBackOff" in kubectl("get", "pods"), "a back-off")
    for pattern in (
        r'Normal +Pulling .*Pulling image "registry.example.test/absent:1"',
        r'Warning +Failed .*Failed to pull image "registry.example.test/absent:1": ',
        r"Warning +Failed .*Error: ErrImagePull",
        r'Normal +BackOff .*Back-off pulling image "registry.example.test/absent:1"',
        r"Warning +Failed .*Error: ImagePullBackOff",
    ):
        eventually(lambda pattern=pattern: re.search(pattern, kubectl("describe", "pod", "it")), f"an event: {pattern}")
    assert "image can't be pulled" in (said := kubectl.fails("logs", "it")) or "waiting to start" in said
    kubectl("set", "image", "pod/it", "it=nginx:1.14.2")
    kubectl("wait", "pod/it", "--for=condition=Ready", "--timeout=120s")


def test_other_containers_that_cannot_start(kubectl: Kubectl) -> None:
    missing = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "x"}}}
    objects = [
        manifests.pod("config", manifests.shell(env=[missing])),
        manifests.pod("program", {**manifests.shell(), "command": ["no-such-program"]}),
        manifests.pod("never", {"name": "main", "image": "absent:1", "imagePullPolicy": "Never"}),
        manifests.pod("name", {"name": "main", "image": "NOT a name"}),
    ]
    kubectl("apply", "-f", "-", given=objects)
    for pod, shown, event in (
        ("config", "CreateContainerConfigError", 'configmap "absent" not found'),
        ("program", "(RunContainerError|CrashLoopBackOff)", "no-such-program"),
        ("never", "ErrImageNeverPull", 'Container image "absent:1" is not present with pull policy of Never'),
        ("name", "InvalidImageName", "InvalidImageName"),
    ):
        shows(kubectl, pod, rf"^{pod} +0/1 +{shown} ", event)
    kubectl("create", "configmap", "absent", "--from-literal=x=1")
    kubectl("wait", "pod/config", "--for=condition=Ready", "--timeout=120s")


def shows(kubectl: Kubectl, pod: str, line: str, event: str) -> None:
    """Wait for a line of the table and for words in the description."""
    eventually(lambda: re.search(line, kubectl("get", "pods"), re.M), f"{pod} is shown as {line!r}")
    eventually(lambda: event in kubectl("describe", "pod", pod), f"an event for {pod}: {event}")


def test_the_server_lived_through_all_of_it(shared_cluster: Cluster) -> None:
    """Last in this file: nothing above was answered by a 500 or restarted a process."""
    assert all(component["restarts"] == 0 for component in shared_cluster.status()["components"])
    assert "Traceback" not in shared_cluster.podo("logs", "server").out
    assert "Traceback" not in shared_cluster.podo("logs", "node-1").out
