"""What pods are given and how they live: environment, volumes, init containers, probes, restarts, a graceful end."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.manifests import shell
from tests.live.waiting import always, eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


def ready(kubectl: Kubectl, name: str) -> None:
    kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=120s")


def inside(kubectl: Kubectl, name: str, script: str) -> str:
    return kubectl("exec", name, "--", "sh", "-c", script)


def test_environment_from_everywhere(kubectl: Kubectl) -> None:
    env: list[dict[str, Any]] = [
        {"name": "PLAIN", "value": "x"},
        {"name": "JOINED", "value": "$(PLAIN)-$(COLOR)"},
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
        {"name": "MAYBE", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "x", "optional": True}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
    ]
    every = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}, "prefix": "S_"}]
    container = shell(env=env, envFrom=every, resources={"limits": {"cpu": "250m", "memory": "32Mi"}})
    kubectl(
        "apply",
        "-f",
        "-",
        given=[
            manifests.config_map("settings", color="blue", SIZE="4"),
            manifests.secret("keys", password="hush"),
            manifests.service("other"),
            manifests.pod("env", container),
        ],
    )
    ready(kubectl, "env")
    found = dict(line.partition("=")[::2] for line in inside(kubectl, "env", "env").splitlines())
    expected = {
        "PLAIN": "x", "COLOR": "blue", "JOINED": "x-$(COLOR)", "PASSWORD": "hush", "POD": "env", "NODE": "node-1",
        "CPU": "250", "SIZE": "4", "color": "blue", "S_password": "hush", "OTHER_SERVICE_PORT": "80",
        "KUBERNETES_SERVICE_PORT": "443",
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert "MAYBE" not in found
    assert kubectl.path("{.status.qosClass}", "pod/env") == "Guaranteed"


def test_volumes_of_every_sort(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "host.txt").write_text("of the host\n")
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("scratch", "settings", "keys", "host", "me", "all")]
    one = {"name": "settings", "mountPath": "/etc/one.conf", "subPath": "one.conf"}
    volumes: list[dict[str, Any]] = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "one.conf", "path": "one.conf"}]}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
        {"name": "me", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "all", "projected": {"sources": [{"configMap": {"name": "settings"}}, {"secret": {"name": "keys"}}]}},
    ]
    beside = shell(volumeMounts=[{"name": "scratch", "mountPath": "/scratch", "readOnly": True}], name="beside")
    kubectl(
        "apply",
        "-f",
        "-",
        given=[
            manifests.config_map("settings", **{"one.conf": "x=1\n", "two.conf": "y=2\n"}),
            manifests.secret("keys", password="hush"),
            manifests.pod("vol", shell(volumeMounts=[*mounts, one]), beside, volumes=volumes),
        ],
    )
    ready(kubectl, "vol")
    assert (
        inside(kubectl, "vol", "ls /settings; cat /etc/one.conf; ls /all")
        == "one.conf\nx=1\none.conf\npassword\ntwo.conf\n"
    )
    assert inside(kubectl, "vol", "cat /keys/password; stat -L -c ' %a' /keys/password") == "hush 400\n"
    assert inside(kubectl, "vol", "cat /host/host.txt; echo back > /host/back.txt") == "of the host\n"
    assert (tmp_path / "back.txt").read_text() == "back\n"
    assert inside(kubectl, "vol", "cat /me/labels") == 'app="vol"'
    inside(kubectl, "vol", "echo shared > /scratch/f")
    assert kubectl("exec", "vol", "-c", "beside", "--", "cat", "/scratch/f") == "shared\n"
    assert "Read-only" in kubectl.fails("exec", "vol", "-c", "beside", "--", "touch", "/scratch/g")


def test_a_mounted_config_map_follows_changes(kubectl: Kubectl) -> None:
    mount = {"name": "settings", "mountPath": "/settings"}
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    objects = [
        manifests.config_map("settings", color="blue"),
        manifests.pod("it", shell(volumeMounts=[mount]), volumes=volumes),
    ]
    kubectl("apply", "-f", "-", given=objects)
    ready(kubectl, "it")
    kubectl("patch", "configmap", "settings", "-p", '{"data":{"color":"red","more":"1"}}')
    kubectl("annotate", "pod", "it", "look=again")  # else the node looks once a minute, as the kubelet does
    eventually(lambda: inside(kubectl, "it", "cat /settings/color") == "red", "the new value")
    assert inside(kubectl, "it", "ls /settings") == "color\nmore\n"


def test_init_containers_run_first_and_in_order(kubectl: Kubectl) -> None:
    mounts = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    inits = [shell(f"echo {name} >> /data/f; sleep 1", name=name, **mounts) for name in ("one", "two")]
    spec = {"initContainers": inits, "volumes": [{"name": "data", "emptyDir": {}}]}
    kubectl("apply", "-f", "-", given=manifests.pod("before", nodeSelector={"planet": "mars"}))
    with kubectl.follow("get", "pods", "-w") as watch:
        watch.until("before +0/1 +Pending ")  # it watches
        kubectl("apply", "-f", "-", given=manifests.pod("it", shell(**mounts), **spec))
        watch.until(r"it +0/1 +Init:0/2 ")
        watch.until(r"it +0/1 +Init:1/2 ")
        watch.until(r"it +1/1 +Running ")
    assert inside(kubectl, "it", "cat /data/f") == "one\ntwo\n"
    assert kubectl("logs", "it", "-c", "one") == ""
    wrong = manifests.pod("wrong", initContainers=[shell("exit 1", name="bad")])
    kubectl("apply", "-f", "-", given=wrong)
    eventually(
        lambda: re.search(r"Init:(Error|CrashLoopBackOff)", kubectl("get", "pod", "wrong")), "its failure is shown"
    )


def test_readiness_gates_endpoints(kubectl: Kubectl) -> None:
    often = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 30}
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, **often}
    kubectl(
        "apply",
        "-f",
        "-",
        given=[manifests.pod("web", manifests.nginx(readinessProbe=probe)), manifests.service("web")],
    )
    kubectl("wait", "pod/web", "--for=jsonpath={.status.phase}=Running", "--timeout=120s")
    addresses = "{.subsets[*].addresses[*].ip}"
    always(lambda: not kubectl.path(addresses, "endpoints/web"), "no endpoint before the pod is ready", 1.5)
    assert re.search(r"^web +0/1 +Running ", kubectl("get", "pod", "web"), re.M)
    kubectl("exec", "web", "--", "touch", "/tmp/ready")
    eventually(lambda: kubectl.path(addresses, "endpoints/web"), "an endpoint")
    kubectl("exec", "web", "--", "rm", "/tmp/ready")
    eventually(lambda: not kubectl.path(addresses, "endpoints/web"), "no endpoint again")
    assert kubectl.path("{.subsets[*].notReadyAddresses[*].ip}", "endpoints/web")
    eventually(lambda: "Readiness probe failed" in kubectl("describe", "pod", "web"), "an event of the probe")


def test_liveness_restarts_a_container(kubectl: Kubectl) -> None:
    often = {"periodSeconds": 1, "failureThreshold": 3, "timeoutSeconds": 30}
    probe = {"httpGet": {"path": "/alive", "port": 80}, **often}
    alive = {"postStart": {"exec": {"command": ["touch", "/usr/share/nginx/html/alive"]}}}
    container = manifests.nginx(livenessProbe={**probe, "initialDelaySeconds": 1}, lifecycle=alive)
    kubectl("apply", "-f", "-", given=manifests.pod("it", container))
    ready(kubectl, "it")
    kubectl("exec", "it", "--", "rm", "/usr/share/nginx/html/alive")
    eventually(lambda: kubectl.path("{.status.containerStatuses[0].restartCount}", "pod/it") == "1", "a restart")
    for words in (
        "Liveness probe failed: HTTP probe failed with statuscode: 404",
        "Container nginx failed liveness probe, will be restarted",
    ):
        eventually(lambda words=words: words in kubectl("describe", "pod", "it"), f"an event: {words}")
    ready(kubectl, "it")


def test_a_startup_probe_holds_the_others_back(kubectl: Kubectl) -> None:
    startup = {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 60}
    liveness = {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 1}
    kubectl("apply", "-f", "-", given=manifests.pod("it", shell(startupProbe=startup, livenessProbe=liveness)))
    kubectl("wait", "pod/it", "--for=jsonpath={.status.phase}=Running", "--timeout=120s")
    always(lambda: kubectl.path("{.status.containerStatuses[0].restartCount}", "pod/it") == "0", "not restarted", 2)
    kubectl("exec", "it", "--", "touch", "/tmp/up")
    ready(kubectl, "it")


@pytest.mark.parametrize(
    ("policy", "code", "shown"),
    [
        ("Never", 0, "Completed"),
        ("Never", 3, "Error"),
        ("OnFailure", 0, "Completed"),
        ("OnFailure", 3, "CrashLoopBackOff"),
        ("Always", 0, "CrashLoopBackOff"),
    ],
)
def test_restart_policies(kubectl: Kubectl, policy: str, code: int, shown: str) -> None:
    kubectl("apply", "-f", "-", given=manifests.pod("it", shell(f"exit {code}"), restartPolicy=policy))
    eventually(lambda: re.search(rf"^it +0/1 +{shown} ", kubectl("get", "pods"), re.M), f"the pod is shown as {shown}")
    phase = {"Completed": "Succeeded", "Error": "Failed"}.get(shown, "Running")
    assert kubectl.path("{.status.phase}", "pod/it") == phase
    if shown == "CrashLoopBackOff":
        status = kubectl.json("get", "pod", "it")["status"]["containerStatuses"][0]
        assert status["restartCount"] >= 1 and status["lastState"]["terminated"]["exitCode"] == code
        event = re.compile(r"Warning +BackOff .* Back-off restarting failed container main in pod it")
        eventually(lambda: event.search(kubectl("describe", "pod", "it")), "an event of the back-off")


def test_a_graceful_end(kubectl: Kubectl) -> None:
    script = "trap 'echo got TERM; sleep 1; echo done; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook > /proc/1/fd/1"]}}}
    kubectl(
        "apply", "-f", "-", given=manifests.pod("it", shell(script, lifecycle=hook), terminationGracePeriodSeconds=60)
    )
    ready(kubectl, "it")
    with kubectl.follow("logs", "-f", "it") as log, kubectl.follow("get", "pod", "it", "-w") as watch:
        log.until("up\n")
        watch.until("Running")
        kubectl("delete", "pod", "it", "--wait=false")
        watch.until(r"it +1/1 +Terminating ")
        log.until(r"hook\ngot TERM\ndone\n")
    kubectl("wait", "pod/it", "--for=delete", "--timeout=120s")


def test_a_deaf_process_is_killed_after_its_grace(kubectl: Kubectl) -> None:
    patient: dict[str, Any] = {"terminationGracePeriodSeconds": 1000}
    deaf = manifests.pod("deaf", shell("trap '' TERM; while :; do sleep 0.1; done"), **patient)
    kubectl("apply", "-f", "-", given=deaf)
    ready(kubectl, "deaf")
    began = time.monotonic()
    kubectl("delete", "pod", "deaf", "--grace-period=2", "--timeout=120s")  # less than it would have
    assert time.monotonic() - began > 1.5
    kubectl("apply", "-f", "-", given=manifests.pod("forced", **patient))
    ready(kubectl, "forced")
    kubectl("delete", "pod", "forced", "--force", "--grace-period=0", "--timeout=120s")


def test_a_pod_that_does_not_fit_says_why(kubectl: Kubectl) -> None:
    big = shell(resources={"requests": {"cpu": "900"}})
    kubectl("apply", "-f", "-", given=[manifests.pod("big", big), manifests.pod("far", nodeSelector={"disk": "ssd"})])
    eventually(lambda: "0/1 nodes are available: 1 Insufficient cpu" in kubectl("describe", "pod", "big"), "its reason")
    why = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector"
    eventually(lambda: why in kubectl("describe", "pod", "far"), "its reason")
    assert re.search(r"^big +0/1 +Pending ", kubectl("get", "pods"), re.M)


def test_limits_and_security_are_real(kubectl: Kubectl) -> None:
    limits = {"limits": {"memory": "24Mi", "cpu": "100m"}}
    hungry = shell("dd if=/dev/zero of=/dev/null bs=100M count=1; exit $?", resources=limits)
    user = {"runAsUser": 1234, "runAsGroup": 5, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    objects = [
        manifests.pod("hungry", hungry, restartPolicy="Never"),
        manifests.pod("user", shell(securityContext=user)),
    ]
    kubectl("apply", "-f", "-", given=objects)
    ready(kubectl, "user")
    assert (
        inside(kubectl, "user", "id -u; id -g; grep CapEff /proc/self/status") == "1234\n5\nCapEff:\t0000000000000000\n"
    )
    assert "Read-only" in kubectl.fails("exec", "user", "--", "touch", "/x")
    ended = "{.status.containerStatuses[0].state.terminated.reason}"
    eventually(lambda: kubectl.path(ended, "pod/hungry") == "OOMKilled", "it ends, and why")


#: The memory limit and the CPU time a period that a container has, by either version of cgroups.
LIMITS = (
    "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us 2>/dev/null "
    "|| { cat memory.max; cut -d' ' -f1 cpu.max; }"
)


def test_a_pod_is_resized_in_place(kubectl: Kubectl) -> None:
    limits = {"cpu": "100m", "memory": "32Mi"}
    restart = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    containers = [
        shell(resources={"limits": limits}),
        shell(name="other", resources={"limits": limits}, resizePolicy=restart),
    ]
    kubectl("apply", "-f", "-", given=manifests.pod("it", *containers))
    ready(kubectl, "it")
    assert inside(kubectl, "it", LIMITS).split() == [str(32 << 20), "10000"]
    more = {"limits": {"cpu": "250m", "memory": "48Mi"}, "requests": {"cpu": "250m", "memory": "48Mi"}}
    change = {"spec": {"containers": [{"name": name, "resources": more} for name in ("main", "other")]}}
    kubectl("patch", "pod", "it", "--subresource=resize", "-p", json.dumps(change))
    restarts = "{.status.containerStatuses[*].restartCount}"
    eventually(lambda: kubectl.path(restarts, "pod/it") == "0 1", "only what wants it is restarted")
    eventually(lambda: inside(kubectl, "it", LIMITS).split() == [str(48 << 20), "25000"], "the new limits")
    ready(kubectl, "it")
    other = ("exec", "it", "-c", "other", "--", "sh", "-c", LIMITS)
    eventually(lambda: kubectl(*other).split() == [str(48 << 20), "25000"], "the other's new limits")
    given = "{.status.containerStatuses[*].resources.limits.memory}"
    eventually(lambda: kubectl.path(given, "pod/it") == "48Mi 48Mi", "its status")
    less = {"limits": {"cpu": "100m"}, "requests": {"cpu": "100m"}}
    change = {"spec": {"containers": [{"name": "main", "resources": less}]}}
    kubectl("patch", "pod", "it", "--subresource=resize", "-p", json.dumps(change))
    eventually(lambda: inside(kubectl, "it", LIMITS).split() == [str(48 << 20), "10000"], "less again")
    types = "{.status.conditions[*].type}"
    eventually(lambda: "PodResize" not in kubectl.path(types, "pod/it"), "the resize is over")
    much = {"limits": {"cpu": "900"}, "requests": {"cpu": "900"}}
    change = {"spec": {"containers": [{"name": "main", "resources": much}]}}
    kubectl("patch", "pod", "it", "--subresource=resize", "-p", json.dumps(change))
    kubectl("wait", "pod/it", "--for=condition=PodResizePending", "--timeout=120s")
