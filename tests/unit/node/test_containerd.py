from __future__ import annotations

import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from podo.node import containerd
from podo.node.cni import write_conflist

FACTS = containerd.Facts("/usr/bin/containerd", "/usr/sbin/runc", "/usr/bin/crun", "/usr/lib/cni", False, True)
CRI = "io.containerd.grpc.v1.cri"


def config(directory: Path, facts: containerd.Facts = FACTS) -> dict:
    return tomllib.loads(containerd.config_text(containerd.Paths(directory), facts))


def test_everything_lies_in_its_own_directory(tmp_path: Path) -> None:
    found = config(tmp_path)
    cri = found["plugins"][CRI]
    places = [
        found["root"],
        found["state"],
        found["grpc"]["address"],
        found["ttrpc"]["address"],
        found["plugins"]["io.containerd.internal.v1.opt"]["path"],
        cri["cni"]["conf_dir"],
        cri["registry"]["config_path"],
        cri["containerd"]["runtimes"]["runc"]["options"]["Root"],
    ]
    assert all(place.startswith(f"{tmp_path}/") for place in places)
    assert len(set(places)) == len(places)
    assert cri["sandbox_image"] == "podo.local/pause:1"
    assert cri["netns_mounts_under_state_dir"] is True


def test_it_follows_the_facts(tmp_path: Path) -> None:
    poor, rich = config(tmp_path), config(tmp_path, replace(FACTS, may_raise_priority=True, hybrid_cgroups=False))
    assert (poor["oom_score"], poor["plugins"][CRI]["restrict_oom_score_adj"]) == (0, True)
    assert (rich["oom_score"], rich["plugins"][CRI]["restrict_oom_score_adj"]) == (-999, False)
    assert set(poor["plugins"][CRI]["containerd"]["runtimes"]) == {"runc"}  # crun refuses hybrid cgroups
    assert set(rich["plugins"][CRI]["containerd"]["runtimes"]) == {"runc", "crun"}


def test_what_is_missing_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    bare = containerd.Facts("", "", "", "", False, False)
    told = "; ".join(containerd.problems(bare))
    for part in ("containerd is not installed", "runc is not installed", "host-local", "apt-get install"):
        assert part in told
    with pytest.raises(containerd.CannotRun, match="runc is not installed"):
        containerd.prepare(tmp_path, found=bare)


@pytest.mark.skipif(os.geteuid() != 0, reason="prepare refuses without root")
def test_prepare_writes_the_configuration_and_mirrors(tmp_path: Path) -> None:
    short = tmp_path if len(str(tmp_path)) < 90 else Path("/tmp")
    paths = containerd.prepare(short / "n", mirrors={"docker.io": "http://127.0.0.1:5000"}, found=FACTS)
    assert tomllib.loads(paths.config.read_text())["grpc"]["address"] == str(paths.socket)
    mirror = tomllib.loads((paths.registries / "docker.io" / "hosts.toml").read_text())
    assert "server" not in mirror  # what the mirror lacks is asked of docker.io
    assert mirror["host"] == {"http://127.0.0.1:5000": {"capabilities": ["pull", "resolve"]}}
    containerd.prepare(short / "n", mirrors={"docker.io": "http://127.0.0.1:5000"}, fallback=False, found=FACTS)
    mirror = tomllib.loads((paths.registries / "docker.io" / "hosts.toml").read_text())
    assert mirror["server"] == "http://127.0.0.1:5000"
    assert str(paths.config) in containerd.command(short / "n")
    assert paths.directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="prepare refuses without root")
def test_a_path_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(containerd.CannotRun, match="shorter"):
        containerd.prepare(tmp_path / ("d" * 110), found=FACTS)


def test_the_conflist_is_written_whole(tmp_path: Path) -> None:
    path = write_conflist(tmp_path / "cni", "10.244.3.0/24", tmp_path / "ipam")
    assert os.listdir(tmp_path / "cni") == ["10-podo.conflist"]
    first = path.stat().st_ino
    (plugin,) = json.loads(path.read_text())["plugins"]
    assert (plugin["type"], plugin["ipMasq"]) == ("ptp", False)
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.244.3.0/24"}]]
    assert write_conflist(tmp_path / "cni", "10.244.3.0/24", tmp_path / "ipam").stat().st_ino == first
    assert write_conflist(tmp_path / "cni", "10.244.4.0/24", tmp_path / "ipam").stat().st_ino != first
    assert os.listdir(tmp_path / "cni") == ["10-podo.conflist"]
