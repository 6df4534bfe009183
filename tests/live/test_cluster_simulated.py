"""A cluster with simulated nodes: ready at once, and driven by the same kubectl."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest

from tests.live import manifests
from tests.live.podo import cluster

pytestmark = pytest.mark.live

#: The goal is 2 s on a machine that does nothing else; this one may be busy.
GOAL, PATIENCE = 2.0, 120.0
EXIT_CODE = "{.status.containerStatuses[0].lastState.terminated.exitCode}"


def test_ready_within_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with cluster("quick", "simulated", start=False) as made:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        made.up()
        up = time.monotonic() - began
        assert "Ready" in made.kubectl("get", "nodes")
        answered = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        started = sum(_cpu_seconds(component["pid"]) for component in made.status()["components"])
        with capsys.disabled():
            print(
                f"\nsimulated: podo up {up:.2f} s, first `kubectl get nodes` after {answered:.2f} s (goal {GOAL:g} s); "
                f"CPU: commands {own:.2f} s, cluster {started:.2f} s"
            )
        assert answered < PATIENCE


def test_a_deployment_on_many_nodes() -> None:
    with cluster("many", "simulated", "--nodes", "20") as made:
        kubectl = made.kubectl
        assert kubectl("get", "nodes").count(" Ready ") == 20
        kubectl("apply", "-f", "-", given=[manifests.deployment("web", replicas=60), manifests.service("web")])
        kubectl("rollout", "status", "deployment/web", "--timeout=120s")
        nodes = kubectl.path("{.items[*].spec.nodeName}", "pods").split()
        assert len(nodes) == 60 and len(set(nodes)) == 20
        kubectl("delete", "pods", "--all", "--wait=false")
        kubectl("wait", "deployment/web", "--for=jsonpath={.status.availableReplicas}=60", "--timeout=120s")


STAGES = """
apiVersion: podo.dev/v1
kind: Stages
stages:
- {name: fails, select: {labels: app=broken}, failure: {exitCode: 3}}
"""


def test_hundreds_of_nodes_and_pods_come_and_go_and_play_given_stages(tmp_path: Path) -> None:
    stages = tmp_path / "stages.yaml"
    stages.write_text(STAGES)
    with cluster("crowd", "simulated", "--nodes", "300", "--stages", str(stages)) as made:
        kubectl = made.kubectl
        assert kubectl("get", "nodes", "--chunk-size=50").count(" Ready ") == 300
        kubectl("create", "namespace", "crowd")
        kubectl("apply", "-n", "crowd", "-f", "-", given=[manifests.deployment("web", replicas=600)])
        kubectl("apply", "-f", "-", given=[manifests.deployment("broken", replicas=1)])
        kubectl("rollout", "status", "-n", "crowd", "deployment/web", "--timeout=120s")
        kubectl("wait", "pods", "-l", "app=broken", f"--for=jsonpath={EXIT_CODE}=3", "--timeout=120s")
        kubectl("delete", "namespace", "crowd", "--timeout=120s")
        assert kubectl("get", "nodes").count(" Ready ") == 300


def _cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
