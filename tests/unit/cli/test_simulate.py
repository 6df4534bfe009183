"""``podo simulate`` on made-up nodes: no cluster is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podo.cli.errors import FAILURE, USAGE
from podo.cli.main import main

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, resources: {limits: {cpu: "3"}}}]
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(DEPLOYMENT)
    return path


def test_where_pods_would_go(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "-f", str(manifest), "--nodes", "3", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["node"] for each in found} == {"node-1", "node-2", "node-3"}


def test_pods_that_do_not_fit(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "-f", str(manifest), "--nodes", "2", "-n", "shop"]) == FAILURE
    said = capsys.readouterr()
    assert "shop/web-2   <none>   0/2 nodes are available: 2 Insufficient cpu." in said.out
    assert "1 of 3 pods do not fit" in said.err


@pytest.mark.parametrize(
    ("text", "code"),
    [(":\n:", USAGE), ("just text", USAGE), ("kind: Pod", USAGE), ("kind: Pod\nmetadata: {name: p}", FAILURE)],
)
def test_what_is_no_manifest(tmp_path: Path, text: str, code: int) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    assert main(["simulate", "-f", str(path), "--nodes", "1"]) == code


def test_odd_numbers(manifest: Path) -> None:
    assert main(["simulate", "-f", str(manifest), "--nodes", "-1"]) == USAGE
    assert main(["simulate", "-f", str(manifest), "--nodes", "1", "--node-cpu", "much"]) == USAGE
    assert main(["simulate", "-f", str(manifest.parent / "absent.yaml"), "--nodes", "1"]) == USAGE


PACKED = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: packer
  pluginConfig:
  - {name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated}}}
  plugins: {score: {disabled: [{name: NodeResourcesBalancedAllocation}, {name: PodTopologySpread}]}}
"""


def test_the_profile_of_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, manifest = tmp_path / "config.yaml", tmp_path / "web.yaml"
    config.write_text(PACKED)
    small = DEPLOYMENT.replace('cpu: "3"', 'cpu: "1"')
    manifest.write_text(
        small.replace("spec:\n      containers", "spec:\n      schedulerName: packer\n      containers")
    )
    simulate = ["simulate", "-f", str(manifest), "--nodes", "3", "-o", "json"]
    assert main([*simulate, "--config", str(config)]) == 0
    assert len({each["node"] for each in json.loads(capsys.readouterr().out)}) == 1
    assert main(simulate) == FAILURE
    found = json.loads(capsys.readouterr().out)
    assert found[0]["message"] == 'no scheduler of this cluster serves the schedulerName "packer"'
    manifest.write_text(small)
    assert main([*simulate, "--config", str(config)]) == FAILURE, "it has no profile for default-scheduler"


def test_what_is_no_configuration(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "-f", str(manifest), "--nodes", "1", "--config", str(manifest)]) == USAGE
    assert "must be kubescheduler.config.k8s.io/v1, kind KubeSchedulerConfiguration" in capsys.readouterr().err
    assert main(["simulate", "-f", str(manifest), "--nodes", "1", "--config", str(manifest.parent)]) == USAGE
