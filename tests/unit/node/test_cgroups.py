"""How the groups above the pods share the CPUs, by both versions of cgroups."""

from __future__ import annotations

from pathlib import Path

import pytest

from podo.api.kind import Obj
from podo.node.cgroups import Cgroups

UID = "0b61d6f7-1c5d-4d3f-9f3c-0d5b4b8c1a2{}"


def asking(number: int, quality: str, cpu: str = "") -> Obj:
    requests = {"cpu": cpu} if cpu else {}
    return {
        "metadata": {"name": f"p{number}", "uid": UID.format(number)},
        "spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]},
        "status": {"qosClass": quality},
    }


def made(root: Path, *groups: str) -> Cgroups:
    """A node's groups in a v1 hierarchy with the CPU controller, and in one without."""
    for group in groups:
        (root / "cpu" / "top" / group).mkdir(parents=True)
    return Cgroups("top", root)


def shares(root: Path) -> list[str]:
    return [(root / "cpu" / "top" / group / "cpu.shares").read_text() for group in ("", "burstable", "besteffort")]


def test_burstable_pods_have_together_what_they_ask_for(tmp_path: Path) -> None:
    cgroups = made(tmp_path, "burstable", "besteffort")
    pods = [
        asking(1, "Burstable", "250m"),
        asking(2, "Burstable", "500m"),
        asking(3, "Guaranteed", "2"),
        asking(4, "BestEffort"),
    ]
    cgroups.share(pods, 4000)
    assert shares(tmp_path) == ["4096", "768", "2"]
    cgroups.share(pods[1:], 4000)
    assert shares(tmp_path) == ["4096", "512", "2"]
    cgroups.share([], 4000)
    assert shares(tmp_path) == ["4096", "2", "2"]


def test_groups_that_come_with_the_first_pod_get_their_shares_then(tmp_path: Path) -> None:
    first = asking(1, "Burstable", "1")
    cgroups = made(tmp_path)
    cgroups.share([first], 2000)  # there are none yet
    (tmp_path / "cpu" / cgroups.parent(first).lstrip("/")).mkdir(parents=True)
    (tmp_path / "cpu" / "top" / "besteffort").mkdir()
    cgroups.limit(first)
    assert shares(tmp_path) == ["2048", "1024", "2"]


@pytest.mark.parametrize(("cpu", "weight"), [("1", "39"), ("2m", "1"), ("300", "10000")])
def test_weights_in_place_of_shares(tmp_path: Path, cpu: str, weight: str) -> None:
    (tmp_path / "cgroup.controllers").touch()
    for group in ("burstable", "besteffort"):
        (tmp_path / "top" / group).mkdir(parents=True)
    Cgroups("top", tmp_path).share([asking(1, "Burstable", cpu)], 2000)
    read = [(tmp_path / "top" / group / "cpu.weight").read_text() for group in ("", "burstable", "besteffort")]
    assert read == ["79", weight, "1"]
