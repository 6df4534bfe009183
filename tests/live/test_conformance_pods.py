"""Rows of the conformance inventory about what is in a pod: hooks, probes, volumes, rights and logs, in containers."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.live import manifests, serving
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.manifests import shell
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


def served(name: str, *arguments: str, **more: Any) -> dict[str, Any]:
    return manifests.pod(name, manifests.python(*arguments, **more), volumes=[manifests.MACHINE])


def test_http_hooks(kubectl: Kubectl) -> None:
    listens = {"tcpSocket": {"port": serving.ONE}, "periodSeconds": 1}
    kubectl("apply", "-f", "-", given=served("handler", readinessProbe=listens))
    kubectl("wait", "pod/handler", "--for=condition=Ready", "--timeout=120s")
    host = kubectl.path("{.status.podIP}", "pod/handler")
    hooks = {
        when: {"httpGet": {"host": host, "port": serving.ONE, "path": f"/{when}"}} for when in ("postStart", "preStop")
    }
    kubectl("apply", "-f", "-", given=manifests.pod("hooked", shell(lifecycle=hooks)))
    kubectl("wait", "pod/hooked", "--for=condition=Ready", "--timeout=120s")
    eventually(lambda: kubectl("logs", "handler") == "/postStart\n", "the hook of its start")
    kubectl("delete", "pod", "hooked")
    eventually(lambda: kubectl("logs", "handler") == "/postStart\n/preStop\n", "the hook of its end")


def test_tcp_and_grpc_probes_of_containers(kubectl: Kubectl) -> None:
    """Those that pass restart nothing; those that fail end the container, and it is started again."""
    often = {"periodSeconds": 1, "failureThreshold": 1, "initialDelaySeconds": 1}
    health = {"livenessProbe": {"grpc": {"port": serving.GRPC}, "timeoutSeconds": 30, **often}}

    def slowly(port: int) -> dict[str, Any]:
        return {"startupProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 120}}

    pods = [
        served(
            "tcp",
            livenessProbe={"tcpSocket": {"port": serving.ONE}, "timeoutSeconds": 30, **often},
            **slowly(serving.ONE),
        ),
        served("no-tcp", livenessProbe={"tcpSocket": {"port": 9}, **often}),
        served("grpc", "grpc", "1", **health, **slowly(serving.GRPC)),
        served("no-grpc", "grpc", "2", **health, **slowly(serving.GRPC)),
    ]
    kubectl("apply", "-f", "-", given=pods)

    def restarts(name: str) -> int:
        return int(kubectl.path("{.status.containerStatuses[0].restartCount}", f"pod/{name}") or 0)

    eventually(lambda: restarts("no-tcp") >= 1 and restarts("no-grpc") >= 1, "both are started again")
    kubectl("wait", "pod/tcp", "pod/grpc", "--for=condition=Ready", "--timeout=120s")
    assert restarts("tcp") == restarts("grpc") == 0
    for name, said in (("no-tcp", "connection refused"), ("no-grpc", "service unhealthy")):
        eventually(lambda name=name, said=said: said in kubectl("describe", "pod", name), f"an event for {name}")


def test_another_user_reads_volumes_and_may_not_administer(kubectl: Kubectl) -> None:
    """ConfigMaps and projected volumes as they are and mapped; a Secret by the pod's group; no rights of a privileged
    container, and a root directory that can be written."""
    items = [{"key": "a", "path": "path/of/a", "mode": 0o444}]
    volumes: list[dict[str, Any]] = [
        {"name": "plain", "configMap": {"name": "settings"}},
        {"name": "mapped", "configMap": {"name": "settings", "items": items}},
        {"name": "projected", "projected": {"sources": [{"configMap": {"name": "settings", "items": items}}]}},
        {"name": "secret", "secret": {"secretName": "keys", "defaultMode": 0o440}},
    ]
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
    files = ("plain/a", "mapped/path/of/a", "projected/path/of/a", "secret/a")
    look = "; ".join(f"stat -L -c '%a %u %g' /{file}; cat /{file}" for file in files)
    rights = {"privileged": False, "readOnlyRootFilesystem": False}
    network = "ip link add dummy0 type dummy 2>&1; touch /written && ls /written"
    containers = [
        shell(f"id -u; {look}", volumeMounts=mounts, securityContext={"runAsUser": 1000}),
        shell(network, name="root", securityContext=rights),
    ]
    more: dict[str, Any] = {"securityContext": {"fsGroup": 1001}, "restartPolicy": "Never", "volumes": volumes}
    objects = [manifests.config_map("settings", a="1\n"), manifests.secret("keys", a="2\n")]
    kubectl("apply", "-f", "-", given=[*objects, manifests.pod("it", *containers, **more)])
    kubectl("wait", "pod/it", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
    said = kubectl("logs", "it", "-c", "main").splitlines()
    assert said == ["1000", "644 0 1001", "1", "444 0 1001", "1", "444 0 1001", "1", "440 0 1001", "2"]
    root = kubectl("logs", "it", "-c", "root")
    assert "Operation not permitted" in root and root.endswith("/written\n")


def test_a_part_whose_name_is_wrong_until_an_annotation_comes(kubectl: Kubectl) -> None:
    source = {"fieldRef": {"fieldPath": "metadata.annotations['mysubpath']"}}
    container = shell(
        env=[{"name": "PART", "valueFrom": source}],
        volumeMounts=[{"name": "work", "mountPath": "/scratch", "subPathExpr": "$(PART)/it"}],
    )
    kubectl("apply", "-f", "-", given=manifests.pod("it", container, volumes=[{"name": "work", "emptyDir": {}}]))
    waits = "{.status.containerStatuses[0].state.waiting.reason}"
    eventually(lambda: kubectl.path(waits, "pod/it").startswith("CreateContainer"), "it cannot be made")
    kubectl("annotate", "pod", "it", "mysubpath=mypath")
    kubectl("wait", "pod/it", "--for=condition=Ready", "--timeout=120s")
    kubectl("exec", "it", "--", "sh", "-c", "echo x > /scratch/f")


def test_pods_with_fifty_volumes_start_together(kubectl: Kubectl) -> None:
    names = [f"settings-{number}" for number in range(50)]
    volumes: list[dict[str, Any]] = [{"name": name, "configMap": {"name": name}} for name in names]
    volumes.append({"name": "keys", "secret": {"secretName": "keys"}})
    mounts = [{"name": volume["name"], "mountPath": f"/etc/{volume['name']}"} for volume in volumes]
    whole = manifests.deployment("many", shell(volumeMounts=mounts), replicas=3)
    whole["spec"]["template"]["spec"]["volumes"] = volumes
    maps = [manifests.config_map(name, a=name) for name in names]
    kubectl("create", "-f", "-", given=[*maps, manifests.secret("keys", a="hush"), whole])
    kubectl("rollout", "status", "deployment/many", "--timeout=120s")
    assert kubectl("exec", "deploy/many", "--", "sh", "-c", "cat /etc/settings-*/a | wc -c; cat /etc/keys/a") == (
        f"{len(''.join(names))}\nhush"
    )
    restarts = kubectl.path("{.items[*].status.containerStatuses[0].restartCount}", "pods", "-l", "app=many")
    assert restarts.split() == ["0"] * 3


def test_logs_by_websocket(kubectl: Kubectl) -> None:
    websocket = pytest.importorskip("websocket", reason="not installed: pip install -e '.[clients]'")
    script = "echo is alive; sleep 1; echo and ends"
    kubectl("apply", "-f", "-", given=manifests.pod("it", shell(script), restartPolicy="Never"))
    phase = "{.status.phase}"
    eventually(lambda: kubectl.path(phase, "pod/it") in ("Running", "Succeeded"), "it runs")
    with kubectl.follow("proxy", "-p", "0") as proxy:
        port = proxy.until(r"Starting to serve on 127\.0\.0\.1:(\d+)")[1]
        url = f"ws://127.0.0.1:{port}/api/v1/namespaces/{kubectl.namespace}/pods/it/log?follow=true"
        connection = websocket.create_connection(url, subprotocols=["binary.k8s.io"], timeout=60)
        assert connection.getsubprotocol() == "binary.k8s.io"
        said, deadline = b"", time.monotonic() + 60
        while connection.connected and time.monotonic() < deadline:
            code, data = connection.recv_data()
            if code == websocket.ABNF.OPCODE_CLOSE:
                break
            said += data
        connection.close()
    assert said == b"is alive\nand ends\n"
